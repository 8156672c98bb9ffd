export type { GroupEvents } from './apply.ts';
export type { TopicLookup } from './describe.ts';
export { type GroupStanding, MetadataMachine, type SessionStanding } from './machine.ts';
export { type CreateTopicOp, decodeMetadataOp, encodeMetadataOp, type MetadataOp } from './ops.ts';
export { type Placement, type PlacementNode, placePartitions } from './placement.ts';
export type { Plan, TopicRequest } from './plan.ts';
export type { MetadataReply, MetadataResult, Refusal } from './reply.ts';
export type { GroupEntry, NodeEntry, SessionEntry } from './state.ts';
