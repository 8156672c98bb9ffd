import type { ControlRequest } from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import type { Connection } from './connection.ts';

/** A control request on its way through this node, from its frame to its answer. */
export interface ControlCall {
  /** Where the answer goes: a client's connection, or a peer's for a request that it passed on. */
  readonly connection: Connection;
  readonly correlation: number;
  readonly request: ControlRequest;
  readonly bytes: number;
  readonly startedMs: number;
  /** Until when it may wait here for a primary or for metadata; then it is refused as not applied. */
  readonly waitUntilTick: number;
  /** Until when the answer of another node is waited for; then its outcome is unknown. */
  readonly deadlineTick: number;
  /** Node to which it was passed on, and under which correlation; null while it is here. */
  passedOn: { readonly node: NodeId; readonly correlation: number } | null;
  answered: boolean;
}
