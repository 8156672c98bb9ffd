export { type FloorName, floorNames } from './floors.ts';
export { drawProfile, nodesOf, type Profile } from './profile.ts';
export { type Failure, type RunOptions, type RunResult, simulate } from './simulation.ts';
