import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type RunResult, runSchedule } from '../cluster/index.ts';
import type { Schedule } from '../schedule/schedule.ts';
import { writeSchedule } from '../schedule/schedule-file.ts';
import { type Shrunk, shrink, type Verdict } from '../schedule/shrink.ts';
import type { Arguments } from './arguments.ts';

/** What is spent on making one failing run smaller. */
const shrinkRunsMax = 400;
const shrinkMillisecondsMax = 60_000;
const linesOfTrace = 40;

/** Options that make another process run the same seeds. */
export function sameRun({ profile, mutant }: Pick<Arguments, 'profile' | 'mutant'>): string[] {
  return [
    ...(profile === 'swarm' ? [] : ['--profile', profile]),
    ...(mutant === null ? [] : ['--mutant', mutant]),
  ];
}

/** Prints what failed and the command that shows it again. */
export function printFailure(result: RunResult, replay: readonly string[], commit: string | null): void {
  const { seed, failure } = result;
  if (failure === null) return;
  console.log(`seed ${seed} FAILED at ${(failure.at / 1_000_000).toFixed(6)} s: checker ${failure.checker}`);
  console.log(`  ${failure.message.split('\n').join('\n  ')}`);
  console.log('  last events:');
  for (const line of failure.trace.slice(-linesOfTrace)) console.log(`  ${line}`);
  console.log(
    `  replay: npm run simulate -- ${[...replay, '--trace'].join(' ')}   (commit ${commit ?? 'unknown'})`,
  );
}

/** Cuts a failing run down and saves it. Returns the file's path, or null when it could not be written. */
export function saveShrunk(
  schedule: Schedule,
  result: RunResult,
  { mutant, directory, commit }: { mutant: string | null; directory: string; commit: string | null },
): string | null {
  if (result.failure === null) return null;
  const { checker } = result.failure;
  const { seed } = schedule.profile;
  const started = performance.now();
  const shrunk = shrink(schedule, verdictOf(result), (candidate) => verdictOf(runSchedule(candidate)), {
    runsMax: shrinkRunsMax,
    millisecondsMax: shrinkMillisecondsMax,
    now: () => performance.now() - started,
  });
  const story = [
    `Seed ${seed}${mutant === null ? '' : `, mutant ${mutant}`}: reported by checker ${checker}.`,
  ];
  const found = { checker, seed, mutant, commit };
  const path = join(directory, `seed-${seed}${mutant === null ? '' : `-${mutant}`}.json`);
  console.log(`  ${describe(schedule, shrunk, performance.now() - started)}`);
  for (const fault of shrunk.schedule.profile.faults) console.log(`    ${JSON.stringify(fault)}`);
  try {
    mkdirSync(directory, { recursive: true });
    writeFileSync(path, writeSchedule({ ...shrunk.schedule, story, found }));
  } catch (error) {
    console.log(`  ${path} can not be written: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
  const option = mutant === null ? '' : ` --mutant ${mutant}`;
  console.log(`  scenario: npm run simulate -- --scenario ${path}${option}`);
  return path;
}

function verdictOf({ failure, loadedAt, simulatedMicros }: RunResult): Verdict {
  return { checker: failure?.checker ?? null, after: (failure?.at ?? simulatedMicros) - loadedAt };
}

function describe({ profile: before }: Schedule, { schedule, runs, exhausted }: Shrunk, ms: number): string {
  const { profile } = schedule;
  const seconds = (micros: number) => (micros / 1_000_000).toFixed(1);
  return (
    `shrunk from ${before.faults.length} faults, ${before.produceRequests} requests, ${seconds(before.duration)} s ` +
    `to ${profile.faults.length}, ${profile.produceRequests}, ${seconds(profile.duration)} s ` +
    `in ${runs} runs, ${(ms / 1000).toFixed(1)} s${exhausted ? ', when the budget ended' : ''}`
  );
}
