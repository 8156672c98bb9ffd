import type { Crc32 } from './checksums.ts';
import { type Decoded, type DecodeError, decoded, refused } from './decoded.ts';
import { readU64, writeU64 } from './integers.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Codec, type CodecValue } from './prepare.ts';
import { RECORD_SIZE_MIN } from './record.ts';

/**
 * Record batch: the unit of produce, replication, storage and fetch. Header of 64 bytes, little-endian:
 * `checksum u32 (CRC-32 of everything after it) | size u32 (whole batch) | count u32 | codec u8 | version u8 |
 * flags u16 | producerId u64 | producerEpoch u32 | reserved u32 | sequence u64 | baseTimestamp u64 |
 * maxTimestamp u64 | unpackedSize u32 | filterSize u32`,
 * then `filterSize` bytes of a filter, then the records, packed by `codec`.
 */
export const BATCH_HEADER_SIZE = 64;

export const BATCH_VERSION = 1;

/** Offsets of the header's fields. */
export const BatchField = {
  checksum: 0,
  size: 4,
  count: 8,
  codec: 12,
  version: 13,
  flags: 14,
  producerId: 16,
  producerEpoch: 24,
  reserved: 28,
  sequence: 32,
  baseTimestamp: 40,
  maxTimestamp: 48,
  unpackedSize: 56,
  filterSize: 60,
} as const;

/** In front of LZ4 data: the unpacked size, u32. */
export const LZ4_PREFIX_SIZE = 4;

/** LZ4 cannot pack tighter: a length byte of 255 stands for 255 bytes. */
const LZ4_RATIO_MAX = 255;

/** Who sent a batch, and its place among what that producer sends to the partition. */
export interface BatchStamp {
  readonly producerId: number;
  readonly producerEpoch: number;
  /** Counts the producer's batches in the partition, from 0. */
  readonly sequence: number;
}

export interface BatchHeader extends BatchStamp {
  /** CRC-32 of the batch; tells a repeated batch from another with the same sequence. */
  readonly checksum: number;
  readonly size: number;
  readonly count: number;
  readonly codec: CodecValue;
  /** Timestamp of the first record, µs since 1970. */
  readonly baseTimestamp: number;
  readonly maxTimestamp: number;
  /** Size of the records unpacked. */
  readonly unpackedSize: number;
  readonly filterSize: number;
}

type BatchLimits = Pick<Limits, 'batchBytesMax' | 'unpackedBytesMax' | 'batchRecordsMax'>;

/**
 * Reads a batch's header and checks everything that can be told without the records: sizes against each other,
 * the bytes at hand and the limits. `bytes` is exactly one batch. The checksum is `verifyBatch`'s.
 *
 * Errors: `corruptBatch`, `unsupportedFormat`, `unknownCodec`, `batchTooLarge`, `batchTooManyRecords`.
 */
export function peekBatch(bytes: Buffer, limits: BatchLimits = defaultLimits): Decoded<BatchHeader> {
  if (bytes.length < BATCH_HEADER_SIZE)
    return refused('corruptBatch', `${bytes.length} bytes are too few for a batch`);
  const version = bytes[BatchField.version]!;
  if (version !== BATCH_VERSION) {
    return refused('unsupportedFormat', `batch version ${version}, supported is ${BATCH_VERSION}`);
  }
  const header: BatchHeader = {
    checksum: bytes.readUInt32LE(BatchField.checksum),
    size: bytes.readUInt32LE(BatchField.size),
    count: bytes.readUInt32LE(BatchField.count),
    codec: bytes[BatchField.codec] as CodecValue,
    producerId: readU64(bytes, BatchField.producerId),
    producerEpoch: bytes.readUInt32LE(BatchField.producerEpoch),
    sequence: readU64(bytes, BatchField.sequence),
    baseTimestamp: readU64(bytes, BatchField.baseTimestamp),
    maxTimestamp: readU64(bytes, BatchField.maxTimestamp),
    unpackedSize: bytes.readUInt32LE(BatchField.unpackedSize),
    filterSize: bytes.readUInt32LE(BatchField.filterSize),
  };
  const error = checkHeader(bytes, header, limits);
  return error === null ? decoded(header) : { ok: false, error };
}

function checkHeader(bytes: Buffer, header: BatchHeader, limits: BatchLimits): DecodeError | null {
  const { size, count, codec, unpackedSize, filterSize } = header;
  if (size !== bytes.length) return corrupt(`the batch says ${size} bytes, there are ${bytes.length}`);
  if (size > limits.batchBytesMax) {
    return {
      code: 'batchTooLarge',
      message: `a batch of ${size} bytes, the limit is ${limits.batchBytesMax}`,
    };
  }
  if (unpackedSize > limits.unpackedBytesMax) {
    return {
      code: 'batchTooLarge',
      message: `a batch of ${unpackedSize} bytes unpacked, the limit is ${limits.unpackedBytesMax}`,
    };
  }
  if (count > limits.batchRecordsMax) {
    return {
      code: 'batchTooManyRecords',
      message: `${count} records, the limit is ${limits.batchRecordsMax}`,
    };
  }
  if (codec > Codec.lz4) return { code: 'unknownCodec', message: `codec ${codec} is not known` };
  if (bytes.readUInt16LE(BatchField.flags) !== 0 || bytes.readUInt32LE(BatchField.reserved) !== 0) {
    return corrupt('reserved bytes of the batch header are not zero');
  }
  if (header.producerId < 0 || header.sequence < 0 || header.baseTimestamp < 0 || header.maxTimestamp < 0) {
    return corrupt('a field of the batch header is larger than 2^53-1');
  }
  if (filterSize > size - BATCH_HEADER_SIZE)
    return corrupt(`a filter of ${filterSize} bytes does not fit the batch`);
  if (count === 0) return corrupt('a batch without records');
  if (count * RECORD_SIZE_MIN > unpackedSize)
    return corrupt(`${count} records do not fit ${unpackedSize} bytes`);
  const packed = size - BATCH_HEADER_SIZE - filterSize;
  if (codec === Codec.none) {
    if (packed !== unpackedSize)
      return corrupt(`${packed} bytes of records, the header says ${unpackedSize}`);
    return null;
  }
  if (packed < LZ4_PREFIX_SIZE || bytes.readUInt32LE(BATCH_HEADER_SIZE + filterSize) !== unpackedSize) {
    return corrupt('the unpacked size in the header differs from that of the packed records');
  }
  if (unpackedSize > (packed - LZ4_PREFIX_SIZE) * LZ4_RATIO_MAX) {
    return corrupt(`${packed} bytes cannot unpack to ${unpackedSize}`);
  }
  return null;
}

function corrupt(message: string): DecodeError {
  return { code: 'corruptBatch', message };
}

/** Checks the CRC of a batch whose header `peekBatch` has accepted; null, or `corruptBatch`. */
export function verifyBatch(bytes: Buffer, header: BatchHeader, checksums: Crc32): DecodeError | null {
  if (checksums.crc32(bytes.subarray(BatchField.size)) === header.checksum) return null;
  return corrupt('the checksum of the batch does not match');
}

/**
 * Gives an encoded batch another producer, epoch or sequence: a batch that was only refused may be sent anew in
 * another place of the lane without being encoded again. `bytes` is exactly one batch.
 */
export function restampBatch(bytes: Buffer, stamp: BatchStamp, checksums: Crc32): void {
  writeU64(bytes, stamp.producerId, BatchField.producerId);
  bytes.writeUInt32LE(stamp.producerEpoch, BatchField.producerEpoch);
  writeU64(bytes, stamp.sequence, BatchField.sequence);
  bytes.writeUInt32LE(checksums.crc32(bytes.subarray(BatchField.size)), BatchField.checksum);
}
