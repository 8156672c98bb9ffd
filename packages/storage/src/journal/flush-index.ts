import { type Checksum, isZero, readChecksum, readU64, writeChecksum, writeU64 } from '@vireo/protocol';

/**
 * Index of a flush: what it holds, in order, short enough that the next flush carries a copy. If the flush is
 * damaged, the copy says which ops are faulty and, in full, what was promised (the state records).
 * A run is 48 bytes, `kind u8 | 0 3 | dataSize u32 | group u64 | first u64 | last u64 | checksum 16`, then for a
 * state record its bytes, padded to 8.
 */
export const IndexRunKind = { prepares: 1, state: 2, checkpoint: 3 } as const;
type IndexRunKindValue = (typeof IndexRunKind)[keyof typeof IndexRunKind];

export const INDEX_RUN_SIZE = 48;

export interface IndexRun {
  readonly kind: IndexRunKindValue;
  readonly group: number;
  /** First and last op; both the op of a checkpoint; 0 for a state record. */
  readonly first: number;
  readonly last: number;
  /** Checksum of the prepare `last`; zeros for the other kinds. */
  readonly checksum: Checksum;
  /** The state record, else empty. */
  readonly data: Buffer;
}

/** Bytes of the run in the index. */
export function indexRunBytes(dataSize: number): number {
  return INDEX_RUN_SIZE + Math.ceil(dataSize / 8) * 8;
}

/** Writes a run into zeroed room; answers the position behind it. */
export function writeIndexRun(bytes: Buffer, position: number, run: IndexRun): number {
  bytes[position] = run.kind;
  bytes.writeUInt32LE(run.data.length, position + 4);
  writeU64(bytes, run.group, position + 8);
  writeU64(bytes, run.first, position + 16);
  writeU64(bytes, run.last, position + 24);
  writeChecksum(bytes, run.checksum, position + 32);
  run.data.copy(bytes, position + INDEX_RUN_SIZE);
  return position + indexRunBytes(run.data.length);
}

/** Reads an index that a verified flush holds; null when it makes no sense all the same. */
export function readIndex(bytes: Buffer): IndexRun[] | null {
  const runs: IndexRun[] = [];
  let position = 0;
  while (position < bytes.length) {
    if (bytes.length - position < INDEX_RUN_SIZE) return null;
    const kind = bytes[position]!;
    const dataSize = bytes.readUInt32LE(position + 4);
    const size = indexRunBytes(dataSize);
    if (kind < IndexRunKind.prepares || kind > IndexRunKind.checkpoint) return null;
    if (size > bytes.length - position || !isZero(bytes, position + 1, position + 4)) return null;
    if (!isZero(bytes, position + INDEX_RUN_SIZE + dataSize, position + size)) return null;
    const run: IndexRun = {
      kind: kind as IndexRunKindValue,
      group: readU64(bytes, position + 8),
      first: readU64(bytes, position + 16),
      last: readU64(bytes, position + 24),
      checksum: readChecksum(bytes, position + 32),
      data: bytes.subarray(position + INDEX_RUN_SIZE, position + INDEX_RUN_SIZE + dataSize),
    };
    if (run.group < 0 || run.first < 0 || run.last < run.first) return null;
    runs.push(run);
    position += size;
  }
  return runs;
}
