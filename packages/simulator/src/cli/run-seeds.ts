import { spawnSync } from 'node:child_process';
import { drawProfile, type FloorName, floorNames, type RunResult, simulate } from '../cluster/index.ts';
import type { Arguments } from './arguments.ts';

/** Seeds whose hash is compared with that of a second process. */
const hashSeeds = 3;
/** Batches at least this long must reach every floor; a single seed need not. */
const floorSeedsMin = 50;

/** Runs a range of seeds and prints what came of it. Returns the exit code. */
export function runSeeds(args: Arguments, main: string, commit: string | null): number {
  const startedMicros = process.cpuUsage();
  const totals = { runs: 0, failed: 0, operations: 0, acked: 0, consumed: 0, faults: 0, simulated: 0 };
  const floors = new Map<FloorName, number>(floorNames.map((name) => [name, 0]));
  const hashes = new Map<number, string>();
  for (let seed = args.from; seed <= args.to; seed += 1) {
    const result = simulate(
      drawProfile(seed, args.profile),
      args.trace ? { print: (line) => console.log(line) } : {},
    );
    if (args.json) console.log(JSON.stringify(summary(result)));
    totals.runs += 1;
    totals.operations += result.operations;
    totals.acked += result.acked;
    totals.consumed += result.consumed;
    totals.faults += result.faults;
    totals.simulated += result.simulatedMicros / 1_000_000;
    for (const name of floorNames) floors.set(name, (floors.get(name) ?? 0) + result.floors[name]);
    if (hashes.size < hashSeeds) hashes.set(seed, result.hash);
    if (result.failure === null) continue;
    totals.failed += 1;
    if (!args.json) printFailure(result, args, commit);
    if (args.untilFailure) break;
  }
  if (args.json) return totals.failed === 0 ? 0 : 1;

  const used = process.cpuUsage(startedMicros);
  const cpuSeconds = (used.user + used.system) / 1_000_000;
  printTotals(totals, cpuSeconds, args, commit, floors, hashes);
  let code = totals.failed === 0 ? 0 : 1;
  const missing = floorNames.filter((name) => floors.get(name) === 0);
  if (args.profile === 'swarm' && totals.runs >= floorSeedsMin && missing.length > 0) {
    console.log(`FLOOR NOT REACHED: ${missing.join(', ')}`);
    code = 1;
  }
  if (args.verifyHash && !hashesAgree(args, main, hashes)) code = 1;
  return code;
}

function summary({ seed, failure, hash }: RunResult): object {
  return { seed, hash, checker: failure?.checker ?? null, message: failure?.message.split('\n')[0] ?? null };
}

/** Options that make another process run the same. */
function sameRun({ profile, mutant }: Arguments): string[] {
  return [
    ...(profile === 'swarm' ? [] : ['--profile', profile]),
    ...(mutant === null ? [] : ['--mutant', mutant]),
  ];
}

function printFailure({ seed, failure }: RunResult, args: Arguments, commit: string | null): void {
  if (failure === null) return;
  console.log(`seed ${seed} FAILED at ${(failure.at / 1_000_000).toFixed(6)} s: checker ${failure.checker}`);
  console.log(`  ${failure.message.split('\n').join('\n  ')}`);
  console.log('  last events:');
  for (const line of failure.trace.slice(-40)) console.log(`  ${line}`);
  const options = ['--seed', String(seed), ...sameRun(args), '--trace'].join(' ');
  console.log(`  replay: npm run simulate -- ${options}   (commit ${commit ?? 'unknown'})`);
}

function printTotals(
  totals: Record<'runs' | 'failed' | 'operations' | 'acked' | 'consumed' | 'faults' | 'simulated', number>,
  cpuSeconds: number,
  args: Arguments,
  commit: string | null,
  floors: ReadonlyMap<FloorName, number>,
  hashes: ReadonlyMap<number, string>,
): void {
  const { runs, failed, operations, acked, consumed, faults, simulated } = totals;
  const seeds = args.from === args.to ? `seed ${args.from}` : `seeds ${args.from}..${args.to}`;
  console.log(`${seeds}, commit ${commit ?? 'unknown'}: ${runs - failed} passed, ${failed} failed`);
  console.log(
    `${operations} client operations, ${acked} records acked, ${consumed} consumed, ${faults} faults; ` +
      `${Math.round(simulated)} simulated s in ${cpuSeconds.toFixed(1)} s of CPU ` +
      `(${(cpuSeconds / Math.max(1, runs)).toFixed(2)} s a seed)`,
  );
  console.log(
    `throughput: ${(operations / cpuSeconds).toFixed(0)} client operations and ` +
      `${(simulated / cpuSeconds).toFixed(1)} simulated s per CPU second`,
  );
  for (const [name, count] of floors) console.log(`  ${name}: ${count}`);
  for (const [seed, hash] of hashes) console.log(`  trace hash of seed ${seed}: ${hash}`);
}

/** Checker 19: another process comes to the same hashes. */
function hashesAgree(args: Arguments, main: string, hashes: ReadonlyMap<number, string>): boolean {
  let isEqual = true;
  for (const [seed, hash] of hashes) {
    const child = spawnSync(process.execPath, [main, '--seed', String(seed), '--json', ...sameRun(args)], {
      encoding: 'utf8',
    });
    const other = readHash(child.stdout);
    if (other === hash) continue;
    isEqual = false;
    console.log(
      `checker 19 trace hash: seed ${seed} gave ${hash}, in a second process ${other ?? child.stderr}`,
    );
  }
  if (isEqual) console.log(`  trace hashes of ${hashes.size} seeds are equal in a second process`);
  return isEqual;
}

function readHash(line: string): string | null {
  try {
    return (JSON.parse(line) as { hash: string }).hash;
  } catch {
    return null;
  }
}
