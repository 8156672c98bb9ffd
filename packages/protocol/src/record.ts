/**
 * Record, as encoded inside a batch:
 * `varint length of what follows | attributes u8 | zigzag varint timestamp delta (µs, to the batch's base) |
 * [id 16] | [varint length, key] | varint length, value |
 * [varint header count, each: varint length, name | kind u8 | varint length, value]`;
 * the parts in brackets are there when the attribute says so.
 */

/** Bits of a record's attributes; the others are reserved. */
export const RecordAttribute = { id: 1, key: 2, headers: 4 } as const;
export const RECORD_ATTRIBUTES = RecordAttribute.id | RecordAttribute.key | RecordAttribute.headers;

/** Length of a record's id, bytes. */
export const RECORD_ID_SIZE = 16;

/** The shortest record: length, attributes, timestamp delta, length of the empty value. */
export const RECORD_SIZE_MIN = 4;

/**
 * Type of a header's value. Numbers as Apache Iggy has them, so that its records keep their types; Kafka's
 * headers are `raw`, or `null` (which has no bytes).
 */
export const HeaderKind = {
  null: 0,
  raw: 1,
  string: 2,
  bool: 3,
  int8: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  int128: 8,
  uint8: 9,
  uint16: 10,
  uint32: 11,
  uint64: 12,
  uint128: 13,
  float32: 14,
  float64: 15,
} as const;
export type HeaderKindValue = (typeof HeaderKind)[keyof typeof HeaderKind];
export const HEADER_KIND_MAX = HeaderKind.float64;

export interface RecordHeader {
  readonly name: string;
  readonly kind: HeaderKindValue;
  /** The value's bytes; numbers little-endian. */
  readonly value: Uint8Array;
}

/** What a producer gives. Strings are sent as UTF-8. */
export interface RecordInput {
  /** Decides the partition and the order; null or left out: none. An empty key is a key. */
  readonly key?: Uint8Array | string | null | undefined;
  readonly value: Uint8Array | string;
  readonly headers?: readonly RecordHeader[] | undefined;
  /** µs since 1970; left out: the time at which the record is added to a batch. */
  readonly timestamp?: number | undefined;
  /** 16 bytes that name the record for deduplication. */
  readonly id?: Uint8Array | undefined;
}

/** What a consumer gets. Buffers are slices of the batch: they keep it alive and must not be written. */
export interface DecodedRecord {
  readonly offset: number;
  /** µs since 1970, from the producer. */
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly headers: readonly RecordHeader[];
  readonly id: Buffer | null;
}
