export { drawProfile, type Profile, type RunResult, runSchedule, simulate } from './cluster/index.ts';
export { type CoverageRow, coverage } from './coverage-table.ts';
export * from './history/index.ts';
export { mutants } from './mutants/index.ts';
export type { Schedule } from './schedule/schedule.ts';
export { readSchedule } from './schedule/schedule-file.ts';
