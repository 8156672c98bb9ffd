import type { ReadToken, StartPosition } from '@vireo/protocol';
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
