import {
  type Checksum,
  type Checksums,
  isZero,
  readChecksum,
  readU64,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';

/**
 * Head of a segment file, 128 bytes, little-endian; the prepares follow back to back:
 * `checksum 16 | magic u32 | version u16 | 0 u16 | cluster 16 | group u64 | baseOp u64 | baseOffset u64 |
 * parent 16 | parentTimestamp u64 | 0 40`. `checksum` covers bytes 16 to 128.
 * Nothing in it depends on the node or on time: a segment is byte for byte the same on every replica.
 */
export const SEGMENT_HEADER_SIZE = 128;
const SEGMENT_VERSION = 1;
const MAGIC = 0x31535256; // "VRS1"

export interface SegmentHeader {
  readonly cluster: string;
  readonly group: number;
  /** First op, and the offset of the first record, in this file. */
  readonly baseOp: number;
  readonly baseOffset: number;
  /** Checksum and timestamp (µs) of the op before the first; zeros for op 1. */
  readonly parent: Checksum;
  readonly parentTimestamp: number;
}

export function encodeSegmentHeader(header: SegmentHeader, checksums: Checksums): Buffer {
  const bytes = Buffer.alloc(SEGMENT_HEADER_SIZE);
  bytes.writeUInt32LE(MAGIC, 16);
  bytes.writeUInt16LE(SEGMENT_VERSION, 20);
  writeChecksum(bytes, header.cluster, 24);
  writeU64(bytes, header.group, 40);
  writeU64(bytes, header.baseOp, 48);
  writeU64(bytes, header.baseOffset, 56);
  writeChecksum(bytes, header.parent, 64);
  writeU64(bytes, header.parentTimestamp, 80);
  writeChecksum(bytes, checksums.identity(bytes.subarray(16)), 0);
  return bytes;
}

export type SegmentHeaderRead =
  | { readonly outcome: 'newer'; readonly version: number }
  | { readonly outcome: 'invalid' }
  | { readonly outcome: 'valid'; readonly header: SegmentHeader };

export function decodeSegmentHeader(bytes: Buffer, checksums: Checksums): SegmentHeaderRead {
  if (bytes.length < SEGMENT_HEADER_SIZE || bytes.readUInt32LE(16) !== MAGIC) return { outcome: 'invalid' };
  const version = bytes.readUInt16LE(20);
  if (version > SEGMENT_VERSION) return { outcome: 'newer', version };
  if (version !== SEGMENT_VERSION) return { outcome: 'invalid' };
  const covered = bytes.subarray(16, SEGMENT_HEADER_SIZE);
  if (checksums.identity(covered) !== readChecksum(bytes, 0)) return { outcome: 'invalid' };
  const header: SegmentHeader = {
    cluster: readChecksum(bytes, 24),
    group: readU64(bytes, 40),
    baseOp: readU64(bytes, 48),
    baseOffset: readU64(bytes, 56),
    parent: readChecksum(bytes, 64),
    parentTimestamp: readU64(bytes, 80),
  };
  const sound = header.group >= 0 && header.baseOp > 0 && header.baseOffset >= 0;
  return sound && isZero(bytes, 22, 24) && isZero(bytes, 88, SEGMENT_HEADER_SIZE)
    ? { outcome: 'valid', header }
    : { outcome: 'invalid' };
}

/** Directory of a group's files. */
export function groupDirectory(group: number): string {
  return `groups/${group}`;
}

/** Name of a segment's file, without what comes behind the dot. */
export function segmentName(baseOp: number): string {
  return String(baseOp).padStart(16, '0');
}

export function segmentPath(group: number, baseOp: number): string {
  return `${groupDirectory(group)}/${segmentName(baseOp)}.segment`;
}

export function indexPath(group: number, baseOp: number): string {
  return `${groupDirectory(group)}/${segmentName(baseOp)}.index`;
}

/** Base op that the name of a segment file stands for, or 0. */
export function segmentBaseOp(name: string): number {
  const match = /^(\d{16})\.segment$/.exec(name);
  const base = match === null ? 0 : Number(match[1]);
  return Number.isSafeInteger(base) ? base : 0;
}
