import {
  BATCH_HEADER_SIZE,
  BATCH_VERSION,
  BatchField,
  type BatchStamp,
  restampBatch,
} from './batch-header.ts';
import type { Crc32 } from './checksums.ts';
import type { DecodeError } from './decoded.ts';
import { writeU64 } from './integers.ts';
import { defaultLimits, type Limits } from './limits.ts';
import type { Lz4 } from './lz4.ts';
import { Codec, type CodecValue } from './prepare.ts';
import { RECORD_ID_SIZE, RecordAttribute, type RecordHeader, type RecordInput } from './record.ts';
import { checkRecord, type HeaderLimits, measureHeaders, UTF8_PER_UNIT } from './record-check.ts';
import { varintSize, writeVarint, zigzag } from './varint.ts';

export interface FinishOptions extends BatchStamp {
  /** `lz4` falls back to `none` when packing gains nothing. */
  readonly codec: CodecValue;
  /** Bytes left free (zero) in front of the batch, for the headers of prepare and frame. */
  readonly room: number;
}

export interface EncodeTools {
  readonly checksums: Crc32;
  /** Needed for codec `lz4`; without it records are sent unpacked. */
  readonly lz4?: Lz4 | undefined;
}

type BuilderLimits = HeaderLimits & Pick<Limits, 'recordBytesMax' | 'batchBytesMax' | 'batchRecordsMax'>;

const CAPACITY_MIN = 4096;
/** Attributes, timestamp delta, id, lengths of record, key, value and headers at their longest. */
const OVERHEAD_MAX = 1 + 8 + RECORD_ID_SIZE + 4 * 8;
/** Up to this length a loop is faster than a call into the runtime. */
const LOOP_MAX = 24;

/**
 * Collects records, encoding each as it comes, and makes a batch of them. The scratch buffer is kept and reused;
 * a batch itself is one allocation of exactly its size.
 */
export class BatchBuilder {
  readonly #limits: BuilderLimits;
  #bytes = Buffer.allocUnsafeSlow(CAPACITY_MIN);
  #end = 0;
  #count = 0;
  #baseTimestamp = 0;
  #maxTimestamp = 0;

  constructor(limits: BuilderLimits = defaultLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** Size of the batch that `finish` would make now without packing, bytes. */
  get size(): number {
    return BATCH_HEADER_SIZE + this.#end;
  }

  /**
   * Encodes `record` behind the others; `now` (µs since 1970) is its timestamp if it has none.
   *
   * @returns null, or why it was not added, with the batch as it was: `invalidRecord`, `recordTooLarge`;
   * `batchTooLarge` or `batchTooManyRecords` when it belongs into the next batch.
   */
  add(record: RecordInput, now: number): DecodeError | null {
    const limits = this.#limits;
    if (this.#count >= limits.batchRecordsMax) {
      return {
        code: 'batchTooManyRecords',
        message: `the batch has ${this.#count} records, as many as allowed`,
      };
    }
    const key = record.key ?? null;
    const value = record.value;
    const headers = record.headers;
    const id = record.id;
    const timestamp = record.timestamp ?? now;
    const delta = this.#count === 0 ? 0 : timestamp - this.#baseTimestamp;
    const invalid = checkRecord(key, value, id, timestamp, delta);
    if (invalid !== null) return invalid;

    let capacity = OVERHEAD_MAX + widest(value) + (key === null ? 0 : widest(key));
    // Sizes in UTF-16 units or bytes are lower bounds: what is far too large is refused before anything grows.
    if (value.length + (key === null ? 0 : key.length) > limits.recordBytesMax) return this.#recordTooLarge();
    if (headers !== undefined && headers.length > 0) {
      const size = measureHeaders(headers, limits);
      if (typeof size !== 'number') return size;
      capacity += size;
    }
    if (this.#bytes.length - this.#end < capacity) this.#grow(capacity);

    const end = this.#encode(id, key, value, headers, delta);
    if (end - this.#end > limits.recordBytesMax) return this.#recordTooLarge();
    if (BATCH_HEADER_SIZE + end > limits.batchBytesMax) {
      if (this.#count === 0) return this.#recordTooLarge();
      return { code: 'batchTooLarge', message: `the batch would pass ${limits.batchBytesMax} bytes` };
    }
    if (this.#count === 0) {
      this.#baseTimestamp = timestamp;
      this.#maxTimestamp = timestamp;
    } else if (timestamp > this.#maxTimestamp) {
      this.#maxTimestamp = timestamp;
    }
    this.#end = end;
    this.#count++;
    return null;
  }

  /** Makes the batch, with `room` zero bytes in front, and starts a new one. There must be a record. */
  finish(options: FinishOptions, tools: EncodeTools): Buffer {
    if (this.#count === 0) throw new RangeError('a batch needs at least one record');
    const { room } = options;
    const raw = this.#bytes.subarray(0, this.#end);
    let records: Buffer = raw;
    let codec: CodecValue = Codec.none;
    if (options.codec === Codec.lz4 && tools.lz4 !== undefined) {
      const packed = tools.lz4.compress(raw);
      if (packed.length < raw.length) {
        records = packed;
        codec = Codec.lz4;
      }
    }
    const size = BATCH_HEADER_SIZE + records.length;
    const whole = Buffer.allocUnsafe(room + size);
    whole.fill(0, 0, room + BATCH_HEADER_SIZE);
    records.copy(whole, room + BATCH_HEADER_SIZE);
    const batch = room === 0 ? whole : whole.subarray(room);
    batch.writeUInt32LE(size, BatchField.size);
    batch.writeUInt32LE(this.#count, BatchField.count);
    batch[BatchField.codec] = codec;
    batch[BatchField.version] = BATCH_VERSION;
    writeU64(batch, this.#baseTimestamp, BatchField.baseTimestamp);
    writeU64(batch, this.#maxTimestamp, BatchField.maxTimestamp);
    batch.writeUInt32LE(this.#end, BatchField.unpackedSize);
    restampBatch(batch, options, tools.checksums);
    this.reset();
    return whole;
  }

  /** Drops what was added. */
  reset(): void {
    this.#end = 0;
    this.#count = 0;
  }

  #recordTooLarge(): DecodeError {
    const limit = Math.min(this.#limits.recordBytesMax, this.#limits.batchBytesMax - BATCH_HEADER_SIZE);
    return { code: 'recordTooLarge', message: `the record is larger than ${limit} bytes` };
  }

  #grow(capacity: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#end + capacity));
    this.#bytes.copy(grown, 0, 0, this.#end);
    this.#bytes = grown;
  }

  /** Writes one record at the end, where there is room for it, and returns the position behind it. */
  #encode(
    id: Uint8Array | undefined,
    key: Uint8Array | string | null,
    value: Uint8Array | string,
    headers: readonly RecordHeader[] | undefined,
    delta: number,
  ): number {
    const bytes = this.#bytes;
    const start = this.#end;
    // The length in front is known only at the end; its own size is guessed, and what follows moved if wrong.
    const guess = varintSize(
      value.length + (key === null ? 3 : key.length + 4) + (id === undefined ? 0 : RECORD_ID_SIZE),
    );
    const body = start + guess;
    let at = body + 1;
    let attributes = 0;
    at = delta === 0 ? writeZero(bytes, at) : writeVarint(bytes, zigzag(delta), at);
    if (id !== undefined) {
      attributes |= RecordAttribute.id;
      bytes.set(id, at);
      at += RECORD_ID_SIZE;
    }
    if (key !== null) {
      attributes |= RecordAttribute.key;
      at = typeof key === 'string' ? writeString(bytes, key, at) : writeBytes(bytes, key, at);
    }
    at = typeof value === 'string' ? writeString(bytes, value, at) : writeBytes(bytes, value, at);
    if (headers !== undefined && headers.length > 0) {
      attributes |= RecordAttribute.headers;
      at = writeVarint(bytes, headers.length, at);
      for (let i = 0; i < headers.length; i++) {
        const header = headers[i]!;
        at = writeString(bytes, header.name, at);
        bytes[at++] = header.kind;
        at = writeBytes(bytes, header.value, at);
      }
    }
    bytes[body] = attributes;
    const length = at - body;
    const size = varintSize(length);
    if (size !== guess) {
      bytes.copyWithin(start + size, body, at);
      at += size - guess;
    }
    writeVarint(bytes, length, start);
    return at;
  }
}

function writeZero(bytes: Buffer, at: number): number {
  bytes[at] = 0;
  return at + 1;
}

function writeBytes(bytes: Buffer, value: Uint8Array, position: number): number {
  const length = value.length;
  const at = writeVarint(bytes, length, position);
  if (length <= LOOP_MAX) {
    for (let i = 0; i < length; i++) bytes[at + i] = value[i]!;
  } else {
    bytes.set(value, at);
  }
  return at + length;
}

/** One pass over the string: written behind a length of guessed size, moved if the guess was wrong. */
function writeString(bytes: Buffer, value: string, position: number): number {
  if (value.length <= LOOP_MAX) {
    const end = writeShortAscii(bytes, value, position);
    if (end > 0) return end;
  }
  const guess = varintSize(value.length);
  const at = position + guess;
  const length = bytes.write(value, at, value.length * UTF8_PER_UNIT);
  const size = varintSize(length);
  if (size !== guess) bytes.copyWithin(position + size, at, at + length);
  return writeVarint(bytes, length, position) + length;
}

/** Keys are mostly short and ASCII: a loop, or −1 at the first character that is not. */
function writeShortAscii(bytes: Buffer, value: string, position: number): number {
  const length = value.length;
  bytes[position] = length;
  for (let i = 0; i < length; i++) {
    const unit = value.charCodeAt(i);
    if (unit > 0x7f) return -1;
    bytes[position + 1 + i] = unit;
  }
  return position + 1 + length;
}

function widest(value: Uint8Array | string): number {
  return typeof value === 'string' ? value.length * UTF8_PER_UNIT : value.length;
}
