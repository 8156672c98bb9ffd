export { drawProfile, type Profile, type RunResult, simulate } from './cluster/index.ts';
export { type CoverageRow, coverage } from './coverage-table.ts';
export * from './history/index.ts';
