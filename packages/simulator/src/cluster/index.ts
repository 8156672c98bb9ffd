export { type FloorName, floorNames } from './floors.ts';
export { drawProfile, type Profile, type ProfileName, profileNames } from './profile.ts';
export type { RunResult } from './run-result.ts';
export { runSchedule, simulate } from './simulation.ts';
