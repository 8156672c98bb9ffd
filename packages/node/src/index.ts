export { type Address, formatAddress, isLoopback, parseAddress } from './address.ts';
export { nodeChecksums } from './checksums.ts';
export { FileDisk, type FileDiskOptions } from './file-disk.ts';
export { type FormatOptions, formatNode } from './format.ts';
export { type FounderAddress, NODE_FILE, type NodeFile, readNodeFile } from './node-file.ts';
export type { NodeFailure, NodeStats, RunningNode, StartNodeOptions } from './running-node.ts';
export { NodeStartError, type StartErrorCode, StartErrorCodes } from './start-errors.ts';
export { startNode } from './start-node.ts';
export { readsInFlightMax, THREAD_POOL_ENVIRONMENT } from './thread-pool.ts';
