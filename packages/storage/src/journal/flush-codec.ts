import {
  type Checksum,
  type Checksums,
  isZero,
  readChecksum,
  readU64,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';
import { JOURNAL_BLOCK } from './file-header.ts';
import { IndexRunKind } from './flush-index.ts';

/**
 * Head of a flush, at a 4 KiB boundary of its file. 128 bytes, little-endian:
 * `checksum 16 | magic u32 | flags u8 | 0 3 | sequence u64 | size u32 | headSize u32 | entryCount u32 |
 * indexSize u32 | previousIndexSize u32 | 0 u32 | startCounter u64 | previousSequence u64 |
 * secondPreviousSequence u64 | previousChecksum 16 | fileSequence u64 | position u64 |
 * releasedBelow u64 | 0 8`,
 * then the index, the copy of the predecessor's index, a table with 40 bytes for each entry, and behind
 * `headSize` the prepares themselves, back to back, as they came from the network.
 *
 * `checksum` is the identity of the whole head with the file's salt in the checksum's place: a head of an
 * earlier use of the file, or one forged inside a record, never verifies. Bodies are not hashed again: the
 * table names each prepare by its own checksum, which covers header and body.
 * `fileSequence` and `position` say where the flush belongs, so that a misdirected write is seen.
 */
export const FLUSH_HEAD_FIXED = 128;
export const FLUSH_ENTRY_SIZE = 40;
const MAGIC = 0x46525600; // "\0VRF"

export const FlushFlag = { opening: 1, settle: 2 } as const;
const FLAGS_KNOWN = FlushFlag.opening | FlushFlag.settle;

export interface FlushHead {
  readonly flags: number;
  readonly sequence: number;
  /** Whole flush with padding: a multiple of 4 KiB. */
  readonly size: number;
  readonly headSize: number;
  readonly entryCount: number;
  readonly startCounter: number;
  readonly previousSequence: number;
  /** Sequence of the flush before the previous one: shows whether just one flush is missing. */
  readonly secondPreviousSequence: number;
  readonly previousChecksum: Checksum;
  /** Files below this number had been released: what they hold is needed no more. */
  readonly releasedBelow: number;
  readonly checksum: Checksum;
  readonly index: Buffer;
  readonly previousIndex: Buffer;
  readonly table: Buffer;
}

/** What `writeFlushHead` fills in; index, its predecessor and table are already in their places. */
export interface FlushHeadFields {
  readonly flags: number;
  readonly sequence: number;
  readonly size: number;
  readonly entryCount: number;
  readonly indexSize: number;
  readonly previousIndexSize: number;
  readonly startCounter: number;
  readonly previousSequence: number;
  readonly secondPreviousSequence: number;
  readonly previousChecksum: Checksum;
  readonly fileSequence: number;
  readonly position: number;
  readonly releasedBelow: number;
}

/** Fills the fixed part of `head` (exactly `headSize` bytes, zeroed where not yet written) and seals it. */
export function writeFlushHead(
  head: Buffer,
  fields: FlushHeadFields,
  salt: Checksum,
  checksums: Checksums,
): Checksum {
  writeChecksum(head, salt, 0);
  head.writeUInt32LE(MAGIC, 16);
  head[20] = fields.flags;
  writeU64(head, fields.sequence, 24);
  head.writeUInt32LE(fields.size, 32);
  head.writeUInt32LE(head.length, 36);
  head.writeUInt32LE(fields.entryCount, 40);
  head.writeUInt32LE(fields.indexSize, 44);
  head.writeUInt32LE(fields.previousIndexSize, 48);
  writeU64(head, fields.startCounter, 56);
  writeU64(head, fields.previousSequence, 64);
  writeU64(head, fields.secondPreviousSequence, 72);
  writeChecksum(head, fields.previousChecksum, 80);
  writeU64(head, fields.fileSequence, 96);
  writeU64(head, fields.position, 104);
  writeU64(head, fields.releasedBelow, 112);
  const checksum = checksums.identity(head);
  writeChecksum(head, checksum, 0);
  return checksum;
}

/**
 * How many bytes must be read to verify the head that `block` (at least 128 bytes) may be the start of; 0 when
 * it is none, or one that would reach beyond `room`, the bytes from here to the end of the file.
 */
export function flushHeadSize(block: Buffer, room: number): number {
  if (block.length < FLUSH_HEAD_FIXED || block.readUInt32LE(16) !== MAGIC) return 0;
  const size = block.readUInt32LE(32);
  const headSize = block.readUInt32LE(36);
  const entries = block.readUInt32LE(40);
  const indexes = block.readUInt32LE(44) + block.readUInt32LE(48);
  if (size === 0 || size % JOURNAL_BLOCK !== 0 || size > room || headSize > size) return 0;
  return headSize === FLUSH_HEAD_FIXED + indexes + entries * FLUSH_ENTRY_SIZE ? headSize : 0;
}

/** Verifies `bytes`, exactly what `flushHeadSize` asked for. Null: no flush of this file at this position. */
export function decodeFlushHead(
  bytes: Buffer,
  file: { readonly fileSequence: number; readonly salt: Checksum },
  position: number,
  checksums: Checksums,
): FlushHead | null {
  const checksum = readChecksum(bytes, 0);
  writeChecksum(bytes, file.salt, 0);
  const found = checksums.identity(bytes);
  writeChecksum(bytes, checksum, 0);
  if (found !== checksum) return null;
  if (readU64(bytes, 96) !== file.fileSequence || readU64(bytes, 104) !== position) return null;
  if (!isZero(bytes, 21, 24) || !isZero(bytes, 52, 56) || !isZero(bytes, 120, FLUSH_HEAD_FIXED)) return null;
  if ((bytes[20]! & ~FLAGS_KNOWN) !== 0) return null;
  const indexEnd = FLUSH_HEAD_FIXED + bytes.readUInt32LE(44);
  const previousIndexEnd = indexEnd + bytes.readUInt32LE(48);
  const head: FlushHead = {
    flags: bytes[20]!,
    sequence: readU64(bytes, 24),
    size: bytes.readUInt32LE(32),
    headSize: bytes.length,
    entryCount: bytes.readUInt32LE(40),
    startCounter: readU64(bytes, 56),
    previousSequence: readU64(bytes, 64),
    secondPreviousSequence: readU64(bytes, 72),
    previousChecksum: readChecksum(bytes, 80),
    releasedBelow: readU64(bytes, 112),
    checksum,
    index: bytes.subarray(FLUSH_HEAD_FIXED, indexEnd),
    previousIndex: bytes.subarray(indexEnd, previousIndexEnd),
    table: bytes.subarray(previousIndexEnd),
  };
  const sound = head.sequence > 0 && head.startCounter >= 0 && head.previousSequence >= 0;
  return sound && head.secondPreviousSequence >= 0 && head.releasedBelow >= 0 ? head : null;
}

/** Kinds of a table entry: the same numbers as the runs of the index. */
export interface FlushEntry {
  readonly kind: number;
  readonly group: number;
  /** Op of a prepare or checkpoint; for a state record where its bytes begin in the index. */
  readonly op: number;
  /** Bytes of the prepare or the state record. */
  readonly size: number;
  readonly checksum: Checksum;
}

/** Entry of the table: `checksum 16 | group u64 | op u64 | size u32 | kind u8 | 0 3`. */
export function writeFlushEntry(table: Buffer, position: number, entry: FlushEntry): void {
  writeChecksum(table, entry.checksum, position);
  writeU64(table, entry.group, position + 16);
  writeU64(table, entry.op, position + 24);
  table.writeUInt32LE(entry.size, position + 32);
  table[position + 36] = entry.kind;
}

/** Whether each entry of a verified table is of a known kind, with zeros where it holds nothing. */
export function isSoundTable(table: Buffer): boolean {
  for (let position = 0; position < table.length; position += FLUSH_ENTRY_SIZE) {
    const kind = table[position + 36]!;
    if (kind < IndexRunKind.prepares || kind > IndexRunKind.checkpoint) return false;
    if (!isZero(table, position + 37, position + FLUSH_ENTRY_SIZE)) return false;
  }
  return true;
}

/** Reads entry `number` of a verified table. */
export function readFlushEntry(table: Buffer, number: number): FlushEntry {
  const position = number * FLUSH_ENTRY_SIZE;
  return {
    checksum: readChecksum(table, position),
    group: readU64(table, position + 16),
    op: readU64(table, position + 24),
    size: table.readUInt32LE(position + 32),
    kind: table[position + 36]!,
  };
}
