import { readFileSync, writeFileSync } from 'node:fs';
import { runSchedule } from '../cluster/index.ts';
import { readSchedule, writeSchedule } from '../schedule/schedule-file.ts';
import type { Arguments } from './arguments.ts';
import { printFailure } from './report-failure.ts';
import { summary } from './summary.ts';

/** Runs the schedule of a file. Returns the exit code: 2 when there is none. */
export function runScenario({ file, mutant, trace, json, write }: Arguments, commit: string | null): number {
  let content: string;
  try {
    content = readFileSync(file, 'utf8');
  } catch (error) {
    console.error(`${file} can not be read: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
  const schedule = readSchedule(content);
  if (typeof schedule === 'string') {
    console.error(`${file}: ${schedule}`);
    return 2;
  }
  const result = runSchedule(schedule, trace ? { print: (line) => console.log(line) } : {});
  if (write !== null) writeFileSync(write, writeSchedule(schedule));
  if (json) {
    console.log(JSON.stringify(summary(result, 0)));
    return result.failure === null ? 0 : 1;
  }
  for (const line of schedule.story) console.log(`  ${line}`);
  if (result.failure !== null) {
    printFailure(result, ['--scenario', file, ...(mutant === null ? [] : ['--mutant', mutant])], commit);
    return 1;
  }
  const { steps, profile } = schedule;
  console.log(
    `${file}, commit ${commit ?? 'unknown'}: passed; ${steps.length} steps, ${profile.faults.length} faults, ` +
      `${result.operations} client operations, ${result.acked} records acked, ` +
      `${(result.simulatedMicros / 1_000_000).toFixed(1)} simulated s, trace hash ${result.hash}`,
  );
  return 0;
}
