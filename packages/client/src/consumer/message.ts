import { type DecodedRecord, type RecordHeader, VireoError } from '@vireo/protocol';
import type { FetchedBatch, ServedBy } from './fetched-batch.ts';

/** One record as the consumer gets it. */
export class Message<T> implements ServedBy {
  readonly partition: number;
  readonly offset: number;
  /** µs since 1970, from the producer. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  /** The value's bytes, whether it decodes or not. Slices of a batch: keeping one keeps the batch. */
  readonly bytes: Buffer;
  readonly headers: readonly RecordHeader[];
  readonly id: Buffer | null;
  /** The node that served it. */
  readonly node: number;
  readonly role: 'primary' | 'backup';
  /** Why there is no value: it, or its batch, does not decode. Otherwise null. */
  readonly error: VireoError | null;
  readonly #value: T | undefined;

  /** @internal */
  constructor(batch: FetchedBatch, record: DecodedRecord, decode: (bytes: Buffer) => T) {
    this.partition = batch.partition;
    this.node = batch.node;
    this.role = batch.role;
    this.offset = record.offset;
    this.timestamp = record.timestamp;
    this.key = record.key;
    this.bytes = record.value;
    this.headers = record.headers;
    this.id = record.id;
    let value: T | undefined;
    let error: VireoError | null = null;
    try {
      value = decode(record.value);
    } catch (cause) {
      error = undecodable(batch.partition, record.offset, cause);
    }
    this.#value = value;
    this.error = error;
  }

  /** The decoded value. @throws `error`, where there is none */
  get value(): T {
    if (this.error !== null) throw this.error;
    return this.#value as T;
  }
}

/** Stands for all records of a batch that nobody can decode: told with its bytes, not lost. */
export function undecodableBatch(batch: FetchedBatch, cause: unknown): Message<never> {
  const record = {
    offset: batch.firstOffset,
    timestamp: batch.timestamp,
    key: null,
    value: batch.bytes,
    headers: [],
    id: null,
  };
  return new Message<never>(batch, record, () => {
    throw cause;
  });
}

function undecodable(partition: number, offset: number, cause: unknown): VireoError {
  if (VireoError.is(cause)) return cause;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new VireoError(
    'corruptRecord',
    `partition ${partition}, offset ${offset}: the value does not decode: ${why}`,
    {
      details: { partition, offset },
      cause,
    },
  );
}
