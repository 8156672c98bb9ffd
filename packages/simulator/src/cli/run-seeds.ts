import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { drawProfile, type FloorName, floorNames, runSchedule } from '../cluster/index.ts';
import { scheduleOf } from '../schedule/schedule.ts';
import { writeSchedule } from '../schedule/schedule-file.ts';
import type { Arguments } from './arguments.ts';
import { printFailure, sameRun, saveShrunk } from './report-failure.ts';
import { type Summary, summary } from './summary.ts';
import { Totals } from './totals.ts';

/** Seeds whose hash is compared with that of a second process. */
const hashSeeds = 3;
/** Batches at least this long must reach every floor; a single seed need not. */
const floorSeedsMin = 50;
/** Failing runs of a batch that are made smaller: the next ones most often tell the same. */
const shrunkMax = 3;

/** Runs a range of seeds and prints what came of it. Returns the exit code. */
export function runSeeds(args: Arguments, main: string, commit: string | null): number {
  const { profile, mutant, shrinkTo, json, write } = args;
  const totals = new Totals();
  const hashes = new Map<number, string>();
  for (let seed = args.from; seed <= args.to; seed += 1) {
    const schedule = scheduleOf(drawProfile(seed, profile));
    const before = process.cpuUsage();
    const result = runSchedule(schedule, args.trace ? { print: (line) => console.log(line) } : {});
    const used = process.cpuUsage(before);
    const run = summary(result, used.user + used.system);
    if (write !== null) writeFileSync(write, writeSchedule(schedule));
    if (json) console.log(JSON.stringify(run));
    totals.add(run);
    if (hashes.size < hashSeeds) hashes.set(seed, result.hash);
    if (result.failure === null) continue;
    if (!json) {
      printFailure(result, ['--seed', String(seed), ...sameRun(args)], commit);
      if (shrinkTo !== null && totals.failed <= shrunkMax)
        saveShrunk(schedule, result, { mutant, directory: shrinkTo, commit });
    }
    if (args.untilFailure) break;
  }
  if (json) return totals.failed === 0 ? 0 : 1;

  const seeds = args.from === args.to ? `seed ${args.from}` : `seeds ${args.from}..${args.to}`;
  for (const line of totals.lines(`${seeds}, commit ${commit ?? 'unknown'}`)) console.log(line);
  for (const [seed, hash] of hashes) console.log(`  trace hash of seed ${seed}: ${hash}`);
  let code = totals.failed === 0 ? 0 : 1;
  const missing = floorNames.filter((name: FloorName) => totals.floors[name] === 0);
  if (profile === 'swarm' && totals.runs >= floorSeedsMin && missing.length > 0) {
    console.log(`FLOOR NOT REACHED: ${missing.join(', ')}`);
    code = 1;
  }
  if (args.verifyHash && !hashesAgree(args, main, hashes)) code = 1;
  return code;
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
    return (JSON.parse(line) as Summary).hash;
  } catch {
    return null;
  }
}
