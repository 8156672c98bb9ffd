export { drawProfile, type Profile, type RunResult, simulate } from './cluster/index.ts';
export * from './history/index.ts';
