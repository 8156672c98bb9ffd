import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { floorNames } from '../cluster/index.ts';
import type { Arguments } from './arguments.ts';
import { sameRun } from './report-failure.ts';
import type { Summary } from './summary.ts';
import { Totals } from './totals.ts';

/** Seeds that one child process runs: enough to be worth its start, few enough to divide the work evenly. */
const chunkSeeds = 50;

/**
 * Runs a range of seeds in several processes and prints what came of it. A failing seed is printed with the command that
 * shows it again; it is not cut down here. Returns the exit code.
 */
export async function runJobs(args: Arguments, main: string, commit: string | null): Promise<number> {
  const started = performance.now();
  const totals = new Totals();
  const broken: string[] = [];
  let next = args.from;
  const worker = async (): Promise<void> => {
    while (next <= args.to) {
      const from = next;
      const to = Math.min(args.to, from + chunkSeeds - 1);
      next = to + 1;
      const seen = await runChunk(args, main, from, to, (run) => {
        totals.add(run);
        if (run.checker === null) return;
        console.log(`seed ${run.seed} FAILED: checker ${run.checker}: ${run.message}`);
        console.log(`  replay: npm run simulate -- ${['--seed', run.seed, ...sameRun(args)].join(' ')}`);
      });
      if (seen < to - from + 1) broken.push(`seeds ${from}..${to}: the process ended after ${seen} runs`);
    }
  };
  await Promise.all(Array.from({ length: args.jobs }, worker));

  for (const line of totals.lines(`seeds ${args.from}..${args.to}, commit ${commit ?? 'unknown'}`))
    console.log(line);
  console.log(`  ${((performance.now() - started) / 1000).toFixed(0)} s with ${args.jobs} processes`);
  for (const line of broken) console.log(line);
  const missing = floorNames.filter((name) => totals.floors[name] === 0);
  if (args.profile === 'swarm' && missing.length > 0) console.log(`FLOOR NOT REACHED: ${missing.join(', ')}`);
  return totals.failed > 0 || broken.length > 0 || (args.profile === 'swarm' && missing.length > 0) ? 1 : 0;
}

function runChunk(
  args: Arguments,
  main: string,
  from: number,
  to: number,
  report: (run: Summary) => void,
): Promise<number> {
  const child = spawn(
    process.execPath,
    [main, '--seeds', `${from}..${to}`, '--json', '--keep-going', '--no-shrink', ...sameRun(args)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  return new Promise((resolve) => {
    let seen = 0;
    const lines = createInterface({ input: child.stdout });
    lines.on('line', (line) => {
      seen += 1;
      report(JSON.parse(line) as Summary);
    });
    lines.on('close', () => resolve(seen));
  });
}
