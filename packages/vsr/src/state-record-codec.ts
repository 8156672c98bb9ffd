import {
  type Checksums,
  type Decoded,
  decoded,
  PREPARE_HEADER_SIZE,
  readChecksum,
  readU64,
  refused,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';
import { hasBitsBeyond, readBits, readHeaders, writeBits, writeHeaders } from './header-list.ts';
import type { StateRecord } from './state-record.ts';

/**
 * A state record on disk, little-endian: `version u32 (1) | epoch u32 | view u32 | logView u32 | commitMax u64 |
 * anchorOp u64 | anchorChecksum 16 | present u64 | nack u64 | count u32 | flags u32
 * (bit 0: copied)`, then `count` headers. The journal
 * entry around it carries the checksum.
 */
const VERSION = 1;
const FIXED_SIZE = 72;
const COPIED = 1;

export function encodeStateRecord(record: StateRecord): Buffer {
  const bytes = Buffer.alloc(FIXED_SIZE + record.headers.length * PREPARE_HEADER_SIZE);
  bytes.writeUInt32LE(VERSION, 0);
  bytes.writeUInt32LE(record.epoch, 4);
  bytes.writeUInt32LE(record.view, 8);
  bytes.writeUInt32LE(record.logView, 12);
  writeU64(bytes, record.commitMax, 16);
  writeU64(bytes, record.anchorOp, 24);
  writeChecksum(bytes, record.anchorChecksum, 32);
  writeBits(bytes, 48, record.present);
  writeBits(bytes, 56, record.nack);
  bytes.writeUInt32LE(record.headers.length, 64);
  bytes.writeUInt32LE(record.copied === true ? COPIED : 0, 68);
  writeHeaders(bytes, FIXED_SIZE, record.headers);
  return bytes;
}

/** Errors: `unsupportedFormat`, `corruptFrame`, and those of `decodePrepareHeader`. */
export function decodeStateRecord(bytes: Buffer, checksums: Checksums): Decoded<StateRecord> {
  if (bytes.length < FIXED_SIZE) return refused('corruptFrame', `a state record of ${bytes.length} bytes`);
  const version = bytes.readUInt32LE(0);
  if (version !== VERSION) {
    return refused('unsupportedFormat', `state record version ${version}, supported is ${VERSION}`);
  }
  const commitMax = readU64(bytes, 16);
  const anchorOp = readU64(bytes, 24);
  if (commitMax < 0 || anchorOp < 0)
    return refused('corruptFrame', 'a field of the record is larger than 2^53-1');
  const anchorChecksum = readChecksum(bytes, 32);
  const count = bytes.readUInt32LE(64);
  const flags = bytes.readUInt32LE(68);
  if ((flags & ~COPIED) !== 0)
    return refused('corruptFrame', `flags ${flags} of a state record are reserved`);
  const headers = readHeaders(bytes, FIXED_SIZE, count, anchorOp + 1, anchorChecksum, checksums);
  if (!headers.ok) return headers;
  if (hasBitsBeyond(bytes, 48, count) || hasBitsBeyond(bytes, 56, count)) {
    return refused('corruptFrame', 'a state record has bits of headers that it does not hold');
  }
  return decoded({
    epoch: bytes.readUInt32LE(4),
    view: bytes.readUInt32LE(8),
    logView: bytes.readUInt32LE(12),
    commitMax,
    anchorOp,
    anchorChecksum,
    headers: headers.value,
    present: readBits(bytes, 48, count),
    nack: readBits(bytes, 56, count),
    ...(flags === COPIED && { copied: true }),
  });
}
