export { MetadataMachine } from './machine.ts';
export { encodeMetadataOp, type MetadataOp } from './ops.ts';
export { type Placement, type PlacementNode, placePartitions } from './placement.ts';
export type { Plan, TopicRequest } from './plan.ts';
export type { MetadataReply } from './reply.ts';
export type { GroupEntry } from './state.ts';
