import {
  type Checksum,
  type Checksums,
  isZero,
  readChecksum,
  readU64,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';

/** Where a log, or a part of it, ends: what the next op must follow. */
export interface LogEnd {
  readonly op: number;
  /** The offset that the next record gets. */
  readonly offset: number;
  /** Position behind the last op in its segment, bytes. */
  readonly position: number;
  readonly checksum: Checksum;
  /** µs since 1970. */
  readonly timestamp: number;
}

/** An op's place in its segment. */
export interface IndexEntry {
  readonly op: number;
  /** The log's end offset before this op: that of its first record, if it has any. */
  readonly offset: number;
  readonly position: number;
  /** µs since 1970. */
  readonly timestamp: number;
}

/** An entry for the first op, and for the first that begins this many bytes after the last entry's. */
export const INDEX_INTERVAL = 64 * 1024;

/**
 * Index file beside a segment: 128 bytes of head, `checksum 16 | magic u32 | version u16 | 0 u16 | group u64 |
 * baseOp u64 | endOp u64 | endOffset u64 | endPosition u64 | headChecksum 16 | headTimestamp u64 | count u32 |
 * 0 28`, then `count` entries `op u64 | offset u64 | position u64 | timestamp u64`. `checksum` covers all
 * behind it. It can always be made again from the segment, so any doubt makes it absent.
 */
const HEAD_SIZE = 128;
const ENTRY_SIZE = 32;
const INDEX_VERSION = 1;
const MAGIC = 0x31495256; // "VRI1"

export function encodeIndex(
  place: { readonly group: number; readonly baseOp: number },
  end: LogEnd,
  entries: readonly IndexEntry[],
  checksums: Checksums,
): Buffer {
  const kept = entries.filter(({ op }) => op <= end.op);
  const bytes = Buffer.alloc(HEAD_SIZE + kept.length * ENTRY_SIZE);
  bytes.writeUInt32LE(MAGIC, 16);
  bytes.writeUInt16LE(INDEX_VERSION, 20);
  writeU64(bytes, place.group, 24);
  writeU64(bytes, place.baseOp, 32);
  writeU64(bytes, end.op, 40);
  writeU64(bytes, end.offset, 48);
  writeU64(bytes, end.position, 56);
  writeChecksum(bytes, end.checksum, 64);
  writeU64(bytes, end.timestamp, 80);
  bytes.writeUInt32LE(kept.length, 88);
  let at = HEAD_SIZE;
  for (const entry of kept) {
    writeU64(bytes, entry.op, at);
    writeU64(bytes, entry.offset, at + 8);
    writeU64(bytes, entry.position, at + 16);
    writeU64(bytes, entry.timestamp, at + 24);
    at += ENTRY_SIZE;
  }
  writeChecksum(bytes, checksums.identity(bytes.subarray(16)), 0);
  return bytes;
}

export interface DecodedIndex {
  readonly end: LogEnd;
  readonly entries: IndexEntry[];
}

/** The whole index file's content; null when it is not a sound index of that segment. */
export function decodeIndex(
  bytes: Buffer,
  place: { readonly group: number; readonly baseOp: number },
  checksums: Checksums,
): DecodedIndex | null {
  if (bytes.length < HEAD_SIZE || bytes.readUInt32LE(16) !== MAGIC) return null;
  const count = bytes.readUInt32LE(88);
  if (bytes.readUInt16LE(20) !== INDEX_VERSION || bytes.length !== HEAD_SIZE + count * ENTRY_SIZE)
    return null;
  if (checksums.identity(bytes.subarray(16)) !== readChecksum(bytes, 0)) return null;
  if (readU64(bytes, 24) !== place.group || readU64(bytes, 32) !== place.baseOp) return null;
  if (!isZero(bytes, 22, 24) || !isZero(bytes, 92, HEAD_SIZE)) return null;
  const end: LogEnd = {
    op: readU64(bytes, 40),
    offset: readU64(bytes, 48),
    position: readU64(bytes, 56),
    checksum: readChecksum(bytes, 64),
    timestamp: readU64(bytes, 80),
  };
  const entries: IndexEntry[] = [];
  for (let at = HEAD_SIZE; at < bytes.length; at += ENTRY_SIZE) {
    entries.push({
      op: readU64(bytes, at),
      offset: readU64(bytes, at + 8),
      position: readU64(bytes, at + 16),
      timestamp: readU64(bytes, at + 24),
    });
  }
  return { end, entries };
}

/** The last entry of which `key` is at most `value`; entries ascend in every key. Null: none. */
export function floorEntry(
  entries: readonly IndexEntry[],
  key: 'op' | 'offset',
  value: number,
): IndexEntry | null {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]![key] <= value) low = middle + 1;
    else high = middle;
  }
  return low === 0 ? null : entries[low - 1]!;
}
