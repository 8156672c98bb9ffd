import { Search, tellStory } from '../explorer/index.ts';
import type { ExploreArguments } from './explore-arguments.ts';

/** Searches, prints what came of it, and returns the exit code: 0 complete without a violation, 1 violation, 3 incomplete. */
export function explore({ bounds, defect }: ExploreArguments): number {
  const startedMs = performance.now();
  const search = new Search(bounds);
  const outcome = search.run((found, searched) => {
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    console.error(`${seconds} s: ${found} states found, ${searched} of them searched`);
  });
  const seconds = (performance.now() - startedMs) / 1000;
  const { mode, ops, views, crashes, cleans, news, writes, slowDisk } = bounds;
  const within =
    `mode ${mode}, ${ops} ops, ${views} views, ${crashes} crashes, ${cleans} clean restarts, ` +
    `${news} news, ${writes} writes under way${slowDisk ? ', slow disks' : ''}${defect === null ? '' : `, with ${defect}`}`;
  const { violation, limit } = outcome;
  const ended = limit === 'seconds' ? `--seconds ${bounds.secondsMax}` : `--states ${bounds.statesMax}`;
  const verdict =
    violation !== null
      ? 'VIOLATION'
      : limit === null
        ? 'complete, no violation'
        : `INCOMPLETE, ended by ${ended}: no violation among what was seen`;
  console.log(`${verdict} | ${within}`);
  console.log(
    `${outcome.states} distinct states of the group, ${outcome.transitions} transitions; ` +
      `${outcome.localStates} states of a node, ${outcome.localSteps} steps of the replica; ` +
      `up to ${outcome.reached.ackedOps} ops acked, ${outcome.reached.viewsStarted} views started, ` +
      `amnesia ended by ${outcome.reached.recoveries} steps; ` +
      `${seconds.toFixed(1)} s, ${Math.round(outcome.transitions / seconds)} transitions/s, ` +
      `${Math.round(process.memoryUsage().rss / 1e6)} MB`,
  );
  for (const line of tellStory(search, outcome)) console.log(line);
  if (violation !== null) return 1;
  return outcome.isComplete ? 0 : 3;
}
