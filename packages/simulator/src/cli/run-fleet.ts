import { randomInt } from 'node:crypto';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { drawProfile, type ProfileName, runSchedule } from '../cluster/index.ts';
import { scheduleOf } from '../schedule/schedule.ts';
import type { Arguments } from './arguments.ts';
import { printFailure, sameRun, saveShrunk } from './report-failure.ts';
import { summary } from './summary.ts';
import { Totals } from './totals.ts';

/** Mostly the swarm, which finds most; small runs now and then, which reach what long ones run past. */
const rotation: readonly ProfileName[] = ['swarm', 'swarm', 'swarm', 'lite'];
/** Seeds in a row from one random first seed. */
const batchSeeds = 20;
/** First seeds are drawn below this: nine digits can still be told to somebody. */
const seedsBelow = 1_000_000_000;
/** Totals are printed so often, ms. */
const reportEvery = 60_000;
/** Failing runs of one checker that are made smaller; of the others the seed is kept. */
const shrunkMax = 3;
/** One JSON line for each failing seed, in the directory of the scenarios. */
const failuresFile = 'fleet.jsonl';

/**
 * Runs from random first seeds until the time is over. Every failing seed is written down at once, so that a fleet that
 * is killed has lost nothing. Several may run side by side: they share no seeds but by accident. Returns the exit code.
 */
export function runFleet(args: Arguments, commit: string | null): number {
  const started = performance.now();
  const end = started + args.hours * 3_600_000;
  const directory = args.shrinkTo ?? '.';
  const totals = new Totals();
  const failures = new Map<string, number>();
  let reported = started;
  const report = (): void => {
    const minutes = ((performance.now() - started) / 60_000).toFixed(1);
    for (const line of totals.lines(`fleet after ${minutes} minutes, commit ${commit ?? 'unknown'}`))
      console.log(line);
    for (const [checker, count] of failures) console.log(`  FAILED ${count} times: checker ${checker}`);
    reported = performance.now();
  };
  for (let batch = 0; performance.now() < end; batch += 1) {
    const profile = args.profileGiven ? args.profile : (rotation[batch % rotation.length] ?? 'swarm');
    const first = randomInt(1, seedsBelow);
    for (let seed = first; seed < first + batchSeeds && performance.now() < end; seed += 1) {
      const schedule = scheduleOf(drawProfile(seed, profile));
      const before = process.cpuUsage();
      const result = runSchedule(schedule);
      const used = process.cpuUsage(before);
      totals.add(summary(result, used.user + used.system));
      if (performance.now() - reported >= reportEvery) report();
      if (result.failure === null) continue;
      const { checker, message } = result.failure;
      const count = (failures.get(checker) ?? 0) + 1;
      failures.set(checker, count);
      const options = ['--seed', String(seed), ...sameRun({ ...args, profile })];
      printFailure(result, options, commit);
      const scenario =
        args.shrinkTo !== null && count <= shrunkMax
          ? saveShrunk(schedule, result, { mutant: args.mutant, directory, commit })
          : null;
      const replay = `npm run simulate -- ${options.join(' ')}`;
      const text = message.split('\n')[0];
      const line = {
        time: new Date().toISOString(),
        commit,
        profile,
        seed,
        checker,
        message: text,
        replay,
        scenario,
      };
      mkdirSync(directory, { recursive: true });
      appendFileSync(join(directory, failuresFile), `${JSON.stringify(line)}\n`);
    }
  }
  report();
  if (totals.failed > 0) console.log(`failing seeds: ${join(directory, failuresFile)}`);
  return totals.failed === 0 ? 0 : 1;
}
