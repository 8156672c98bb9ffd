export { type FloorName, floorNames } from './floors.ts';
export { drawProfile, type Profile } from './profile.ts';
export { type RunResult, simulate } from './simulation.ts';
