import type { ProduceAck } from '@vireo/protocol';

/** Where and how a batch was stored. */
export interface BatchAck {
  readonly partition: number;
  /** Offset of the first record; null when it is a duplicate so old that its place is no longer known. */
  readonly baseOffset: number | null;
  readonly count: number;
  /** µs since 1970, given by the primary. */
  readonly timestamp: number;
  /** An earlier attempt of this batch had put it there. */
  readonly duplicate: boolean;
  /** The durability that was met. */
  readonly durability: 'memory' | 'disk';
  /** The node that answered; batches are always answered by the primary. */
  readonly node: number;
  readonly role: 'primary';
  /** Names the op: reads with it see at least that. The client keeps it, see `client.sessionToken`. */
  readonly token: { readonly group: number; readonly lossEpoch: number; readonly op: number };
}

/** Where and how one record was stored. */
export interface RecordAck extends Omit<BatchAck, 'baseOffset' | 'count'> {
  /** null when it is a duplicate so old that its place is no longer known. */
  readonly offset: number | null;
}

/** What became of a `sendMany`. */
export interface ManyAck {
  readonly records: number;
  readonly batches: number;
  /** Batches that an earlier attempt had stored already. */
  readonly duplicates: number;
  /** The weakest durability met. */
  readonly durability: 'memory' | 'disk';
}

/** No real offset is so large: a node says so of a duplicate beyond its window. */
const UNKNOWN_OFFSET = Number.MAX_SAFE_INTEGER;
const DURABILITY = { 1: 'memory', 2: 'disk' } as const;

export function batchAck(group: number, partition: number, ack: ProduceAck): BatchAck {
  return {
    partition,
    baseOffset: ack.baseOffset === UNKNOWN_OFFSET ? null : ack.baseOffset,
    count: ack.count,
    timestamp: ack.timestamp,
    duplicate: ack.duplicate,
    durability: DURABILITY[ack.durability],
    node: ack.node,
    role: 'primary',
    token: { group, lossEpoch: ack.lossEpoch, op: ack.op },
  };
}

/** The ack of the `index`th record of a batch. */
export function recordAck(batch: BatchAck, index: number): RecordAck {
  const { baseOffset, count: _count, ...rest } = batch;
  return { ...rest, offset: baseOffset === null ? null : baseOffset + index };
}
