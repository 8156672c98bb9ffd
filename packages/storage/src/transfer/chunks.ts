import { CHECKSUM_SIZE, type Checksum, type Checksums, writeChecksum, ZERO_CHECKSUM } from '@vireo/protocol';

/** Default size of a chunk, bytes: what one message of a state transfer carries, and one leaf stands for. */
export const CHUNK_BYTES = 1 << 20;
/** What a manifest may name as its chunk size, bytes: smaller ones cost more leaves than they save. */
export const CHUNK_BYTES_MIN = 512;
export const CHUNK_BYTES_MAX = 4 << 20;

/** How many chunks a file of `size` bytes has; only the last may be shorter. */
export function chunkCount(size: number, chunkBytes: number): number {
  return Math.ceil(size / chunkBytes);
}

/** Bytes of chunk `index` of a file of `size` bytes. */
export function chunkLength(size: number, index: number, chunkBytes: number): number {
  return Math.min(chunkBytes, size - index * chunkBytes);
}

/**
 * Root of the binary hash tree over `leaves`: each parent is the identity of its two children's 32 bytes, an odd one at
 * the end of a level goes up as it is. One leaf is its own root; none has the zero checksum.
 */
export function merkleRoot(leaves: readonly Checksum[], checksums: Checksums): Checksum {
  let level = leaves;
  const pair = Buffer.alloc(2 * CHECKSUM_SIZE);
  while (level.length > 1) {
    const parents: Checksum[] = [];
    for (let at = 0; at + 1 < level.length; at += 2) {
      writeChecksum(pair, level[at] as Checksum, 0);
      writeChecksum(pair, level[at + 1] as Checksum, CHECKSUM_SIZE);
      parents.push(checksums.identity(pair));
    }
    if (level.length % 2 === 1) parents.push(level.at(-1) as Checksum);
    level = parents;
  }
  return level[0] ?? ZERO_CHECKSUM;
}
