import {
  BATCH_HEADER_SIZE,
  type BatchHeader,
  LZ4_PREFIX_SIZE,
  peekBatch,
  verifyBatch,
} from './batch-header.ts';
import type { Crc32 } from './checksums.ts';
import { type Decoded, decoded, refused } from './decoded.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { type Lz4, lz4DecodeBlock } from './lz4.ts';
import { Codec } from './prepare.ts';
import {
  type DecodedRecord,
  HEADER_KIND_MAX,
  HeaderKind,
  type HeaderKindValue,
  RECORD_ATTRIBUTES,
  RECORD_ID_SIZE,
  RecordAttribute,
  type RecordHeader,
} from './record.ts';
import { Cursor, unzigzag } from './varint.ts';

export interface DecodeTools {
  readonly checksums: Crc32;
  /** Default: the bounded decoder of this package. */
  readonly lz4?: Lz4 | undefined;
  /** Default: `defaultLimits`. */
  readonly limits?: Limits | undefined;
}

const NO_HEADERS: readonly RecordHeader[] = Object.freeze([]);

/**
 * Verifies one batch and decodes its records; `baseOffset` is the offset of the first. Records are slices of
 * `bytes`, or of the unpacked records.
 *
 * Errors: those of `peekBatch` and `verifyBatch`; `corruptCompression`; `corruptRecord`.
 */
export function decodeBatch(bytes: Buffer, baseOffset: number, tools: DecodeTools): Decoded<DecodedRecord[]> {
  const limits = tools.limits ?? defaultLimits;
  const peeked = peekBatch(bytes, limits);
  if (!peeked.ok) return peeked;
  const header = peeked.value;
  const error = verifyBatch(bytes, header, tools.checksums);
  if (error !== null) return { ok: false, error };
  const start = BATCH_HEADER_SIZE + header.filterSize;
  if (header.codec === Codec.none) return decodeRecords(bytes, start, header, baseOffset, limits);
  const unpacked = unpack(bytes.subarray(start), header, tools.lz4);
  return unpacked.ok ? decodeRecords(unpacked.value, 0, header, baseOffset, limits) : unpacked;
}

function unpack(packed: Buffer, header: BatchHeader, lz4: Lz4 | undefined): Decoded<Buffer> {
  const size = header.unpackedSize;
  if (lz4 === undefined) return lz4DecodeBlock(packed.subarray(LZ4_PREFIX_SIZE), size);
  try {
    const unpacked = lz4.uncompress(packed, size);
    if (unpacked.length === size) return decoded(unpacked);
    return refused('corruptCompression', `unpacks to ${unpacked.length} bytes, announced were ${size}`);
  } catch (error) {
    return refused('corruptCompression', error instanceof Error ? error.message : String(error));
  }
}

function decodeRecords(
  bytes: Buffer,
  start: number,
  header: BatchHeader,
  baseOffset: number,
  limits: Limits,
): Decoded<DecodedRecord[]> {
  const { count, baseTimestamp, maxTimestamp } = header;
  const end = bytes.length;
  const cursor = new Cursor(bytes, start, end);
  const records: DecodedRecord[] = [];
  for (let index = 0; index < count; index++) {
    const begin = cursor.position;
    const length = cursor.varint();
    const from = cursor.position;
    if (length < 0 || length > end - from) return corrupt(index, 'its length');
    const stop = from + length;
    if (stop - begin > limits.recordBytesMax) {
      return refused(
        'recordTooLarge',
        `record ${index} has ${stop - begin} bytes, the limit is ${limits.recordBytesMax}`,
      );
    }
    if (length === 0) return corrupt(index, 'its attributes');
    const attributes = bytes[cursor.position++]!;
    if ((attributes & ~RECORD_ATTRIBUTES) !== 0) return corrupt(index, 'its attributes');

    const delta = cursor.varint();
    const timestamp = delta === 0 ? baseTimestamp : baseTimestamp + unzigzag(delta);
    if (delta < 0 || timestamp < 0 || timestamp > maxTimestamp) return corrupt(index, 'its timestamp');

    let id: Buffer | null = null;
    if ((attributes & RecordAttribute.id) !== 0) {
      const at = cursor.skip(RECORD_ID_SIZE);
      if (at < 0) return corrupt(index, 'its id');
      id = bytes.subarray(at, cursor.position);
    }
    let key: Buffer | null = null;
    if ((attributes & RecordAttribute.key) !== 0) {
      const size = cursor.varint();
      const at = size < 0 ? -1 : cursor.skip(size);
      if (at < 0) return corrupt(index, 'its key');
      key = bytes.subarray(at, cursor.position);
    }
    const size = cursor.varint();
    const at = size < 0 ? -1 : cursor.skip(size);
    if (at < 0) return corrupt(index, 'its value');
    const value = bytes.subarray(at, cursor.position);

    let headers = NO_HEADERS;
    if ((attributes & RecordAttribute.headers) !== 0) {
      const read = decodeHeaders(cursor, limits);
      if (read === null) return corrupt(index, 'its headers');
      headers = read;
    }
    // Also when a part ran beyond the record into the next one: the batch's end is the cursor's bound.
    if (cursor.position !== stop) return corrupt(index, 'its length');
    records.push({ offset: baseOffset + index, timestamp, key, value, headers, id });
  }
  if (cursor.position !== end)
    return refused('corruptRecord', `bytes are left behind the last of ${count} records`);
  return decoded(records);
}

function decodeHeaders(cursor: Cursor, limits: Limits): RecordHeader[] | null {
  const start = cursor.position;
  const count = cursor.varint();
  if (count < 1 || count > limits.recordHeadersMax) return null;
  const headers: RecordHeader[] = [];
  for (let i = 0; i < count; i++) {
    const nameSize = cursor.varint();
    const nameAt = nameSize < 0 ? -1 : cursor.skip(nameSize);
    const kindAt = nameAt < 0 ? -1 : cursor.skip(1);
    if (kindAt < 0) return null;
    const kind = cursor.bytes[kindAt]!;
    if (kind > HEADER_KIND_MAX) return null;
    const size = cursor.varint();
    const at = size < 0 ? -1 : cursor.skip(size);
    if (at < 0 || (kind === HeaderKind.null && size !== 0)) return null;
    headers.push({
      name: cursor.bytes.toString('utf8', nameAt, kindAt),
      kind: kind as HeaderKindValue,
      value: cursor.bytes.subarray(at, cursor.position),
    });
  }
  return cursor.position - start > limits.recordHeaderBytesMax ? null : headers;
}

function corrupt(index: number, what: string): Decoded<DecodedRecord[]> {
  return refused('corruptRecord', `record ${index} of the batch does not decode: ${what}`);
}
