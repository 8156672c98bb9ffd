export type { TopicRequest } from './metadata/index.ts';
export { type Placement, type PlacementNode, placePartitions } from './metadata/index.ts';
export { Broker } from './node/broker.ts';
export { type EventName, EventNames } from './node/event-names.ts';
export type { HostedGroup } from './node/hosted-group.ts';
export { encodeNodeFile, NODE_FILE, type NodeIdentity } from './node/node-state.ts';
export type { Histogram } from './node/stats.ts';
export * from './node/world.ts';
