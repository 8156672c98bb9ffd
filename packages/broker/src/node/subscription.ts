import type { ReadToken, ReplicaRole, StartPosition, Subscribe } from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import type { Connection } from './connection.ts';
import type { HostedGroup } from './hosted-group.ts';

/** Whole prepares as stored, read for one subscription and not yet sent. */
export interface ReadChunk {
  readonly bytes: readonly Buffer[];
  readonly firstOffset: number;
  readonly nextOffset: number;
  readonly records: number;
}

/** One subscription of a connection to one partition. */
export interface Subscription {
  /** Chosen by the client, unique on its connection. */
  readonly id: number;
  readonly connection: Connection;
  readonly group: HostedGroup;
  readonly from: StartPosition;
  /** The subscribe frame's correlation, for its answer. */
  readonly correlation: number;
  /** What has to be applied here before the subscription starts. */
  readonly token: ReadToken | null;
  /** The oldest age that will do, ms; Infinity: any. */
  readonly maxStalenessMs: number;
  /**
   * Of a linearizable read: whether the replica knows what it has to see (`no`: it is to be asked), and has applied that.
   */
  index: 'none' | 'no' | 'asked' | 'applied';
  /** Tick at which waiting ends with `behind`. */
  readonly waitUntilTick: number;
  /** Of the log that is served; a subscription ends with it. */
  lossEpoch: number;
  state: 'waiting' | 'active' | 'ended';
  /** Offset of the next record to send. */
  next: number;
  creditBytes: number;
  creditRecords: number;
  /** A read is in flight. */
  reading: boolean;
  /** Read and not sent yet: the one read ahead. */
  ahead: ReadChunk | null;
  /** Tick of the last frame; a second of silence is filled with a status frame. */
  sentTick: number;
}

/** A subscription as it was asked for, which waits to begin. */
export function openSubscription(
  connection: Connection,
  group: HostedGroup,
  request: Subscribe,
  at: { readonly correlation: number; readonly tick: number; readonly waitUntilTick: number },
): Subscription {
  return {
    id: request.subscription,
    connection,
    group,
    from: request.from,
    correlation: at.correlation,
    token: request.token ?? null,
    maxStalenessMs: request.maxStalenessMs ?? Number.POSITIVE_INFINITY,
    index: request.consistency === 'linearizable' ? 'no' : 'none',
    waitUntilTick: at.waitUntilTick,
    lossEpoch: 0,
    state: 'waiting',
    next: 0,
    creditBytes: request.creditBytes,
    creditRecords: request.creditRecords,
    reading: false,
    ahead: null,
    sentTick: at.tick,
  };
}

/** The offset of a position in a log from `start` to `end`. */
export function offsetOf(from: StartPosition, start: number, end: number): number {
  if ('offset' in from) return from.offset;
  if ('start' in from) return start;
  return 'end' in from ? end : Math.max(start, end - from.last);
}

/** Where a replica stands: with every push and status. */
export function standingOf(group: HostedGroup, node: NodeId) {
  const role: ReplicaRole = group.leading ? 'primary' : 'backup';
  return {
    commitOffset: group.log.endOffset,
    view: group.replica.state.view,
    node,
    role,
    ageMs: group.replica.ageMs,
    lossEpoch: group.lossEpoch,
  };
}
