import {
  CHECKSUM_SIZE,
  type Checksum,
  type Checksums,
  type Decoded,
  decoded,
  isZero,
  readChecksum,
  readU64,
  refused,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';
import { SEGMENT_HEADER_SIZE } from '../log/segment-header.ts';
import { CHUNK_BYTES_MAX, CHUNK_BYTES_MIN, chunkCount, merkleRoot } from './chunks.ts';

/** A file of the group's durable state: its size in bytes, and the identity of each of its chunks. */
export interface ManifestFile {
  readonly size: number;
  readonly leaves: readonly Checksum[];
}

/** The state, with the identity of the whole: whoever wrote it says so, and not its disk. */
interface ManifestSnapshot extends ManifestFile {
  readonly checksum: Checksum;
}

/** A segment, up to the checkpoint's op: the file may have grown since. */
export interface ManifestSegment extends ManifestFile {
  readonly baseOp: number;
  readonly endOp: number;
}

/**
 * The durable state of one group at a checkpoint: what another replica has to have to stand there too. The mode of the
 * group and the lossEpoch of its log at that op are in the snapshot, and nowhere else.
 */
export interface Manifest {
  readonly group: number;
  /** Applied, checkpointed, and so committed: final within one lossEpoch. */
  readonly op: number;
  /** Of that op. */
  readonly checksum: Checksum;
  /** Of that op, µs since 1970. */
  readonly timestamp: number;
  /** Of the log that the sender holds at the time of sending. */
  readonly lossEpoch: number;
  readonly chunkBytes: number;
  readonly snapshot: ManifestSnapshot;
  /** In order, without a hole; the last one ends with `op`. */
  readonly segments: readonly ManifestSegment[];
}

/**
 * Encoded manifest, little-endian: 128 bytes of head, `checksum 16 | magic u32 | version u16 | 0 u16 | group u64 |
 * op u64 | checksum of op 16 | timestamp u64 | lossEpoch u32 | chunkBytes u32 | snapshot size u32 | segments u32 |
 * leaves u32 | 0 u32 | root 16 | checksum of the snapshot 16 | 0 8`; then each segment, `baseOp u64 | endOp u64 | size u64`; then 16 bytes a leaf, of
 * the snapshot first, of the segments in their order. `checksum` covers all behind it; `root` is the Merkle root of
 * all leaves.
 */
const HEAD_SIZE = 128;
const SEGMENT_SIZE = 24;
const VERSION = 1;
const MAGIC = 0x464d5256; // "VRMF"

/** Encoded, bytes: 500,000 leaves, which is half a tebibyte at 1 MiB a chunk. Larger ones are not sent or read. */
export const MANIFEST_BYTES_MAX = 8 * 1024 * 1024;
/** A snapshot is taken up as a whole, so it has to fit in memory. Bytes. */
const SNAPSHOT_BYTES_MAX = 512 * 1024 * 1024;
/** Bytes; a setting of segments allows less. */
const SEGMENT_BYTES_MAX = 2 ** 40;

/** How many bytes `encodeManifest` would give. */
export function manifestSize({ snapshot, segments }: Manifest): number {
  let leaves = snapshot.leaves.length;
  for (const segment of segments) leaves += segment.leaves.length;
  return HEAD_SIZE + segments.length * SEGMENT_SIZE + leaves * CHECKSUM_SIZE;
}

export function encodeManifest(manifest: Manifest, checksums: Checksums): Buffer {
  const { snapshot, segments } = manifest;
  const leaves = [...snapshot.leaves, ...segments.flatMap((segment) => segment.leaves)];
  const bytes = Buffer.alloc(manifestSize(manifest));
  bytes.writeUInt32LE(MAGIC, 16);
  bytes.writeUInt16LE(VERSION, 20);
  writeU64(bytes, manifest.group, 24);
  writeU64(bytes, manifest.op, 32);
  writeChecksum(bytes, manifest.checksum, 40);
  writeU64(bytes, manifest.timestamp, 56);
  bytes.writeUInt32LE(manifest.lossEpoch, 64);
  bytes.writeUInt32LE(manifest.chunkBytes, 68);
  bytes.writeUInt32LE(snapshot.size, 72);
  bytes.writeUInt32LE(segments.length, 76);
  bytes.writeUInt32LE(leaves.length, 80);
  writeChecksum(bytes, merkleRoot(leaves, checksums), 88);
  writeChecksum(bytes, snapshot.checksum, 104);
  let at = HEAD_SIZE;
  for (const { baseOp, endOp, size } of segments) {
    writeU64(bytes, baseOp, at);
    writeU64(bytes, endOp, at + 8);
    writeU64(bytes, size, at + 16);
    at += SEGMENT_SIZE;
  }
  for (const leaf of leaves) {
    writeChecksum(bytes, leaf, at);
    at += CHECKSUM_SIZE;
  }
  writeChecksum(bytes, checksums.identity(bytes.subarray(16)), 0);
  return bytes;
}

/**
 * Reads a manifest; allocates no more than its bytes account for. Errors: `corruptPayload`, and `unsupportedFormat` for
 * one of a later version.
 */
export function decodeManifest(bytes: Buffer, checksums: Checksums): Decoded<Manifest> {
  if (bytes.length < HEAD_SIZE || bytes.length > MANIFEST_BYTES_MAX || bytes.readUInt32LE(16) !== MAGIC)
    return corrupt('it has no head');
  const version = bytes.readUInt16LE(20);
  if (version !== VERSION)
    return refused('unsupportedFormat', `manifest in format ${version}, supported is ${VERSION}`);
  if (checksums.identity(bytes.subarray(16)) !== readChecksum(bytes, 0))
    return corrupt('its checksum does not match');
  const segmentCount = bytes.readUInt32LE(76);
  const leafCount = bytes.readUInt32LE(80);
  if (HEAD_SIZE + segmentCount * SEGMENT_SIZE + leafCount * CHECKSUM_SIZE !== bytes.length)
    return corrupt(`${segmentCount} segments and ${leafCount} leaves are not ${bytes.length} bytes`);
  if (!isZero(bytes, 22, 24) || !isZero(bytes, 84, 88) || !isZero(bytes, 120, HEAD_SIZE))
    return corrupt('unused bytes are not zero');
  const chunkBytes = bytes.readUInt32LE(68);
  if (chunkBytes < CHUNK_BYTES_MIN || chunkBytes > CHUNK_BYTES_MAX)
    return corrupt(`its chunks have ${chunkBytes} bytes`);
  const op = readU64(bytes, 32);
  const group = readU64(bytes, 24);
  const timestamp = readU64(bytes, 56);
  if (op <= 0 || group < 0 || timestamp < 0) return corrupt('a number is out of range');

  const leaves = readLeaves(bytes, HEAD_SIZE + segmentCount * SEGMENT_SIZE, leafCount);
  if (merkleRoot(leaves, checksums) !== readChecksum(bytes, 88))
    return corrupt('its root is not of its leaves');
  let taken = 0;
  /** The next leaves, those of a file of `size` bytes. Short where there are too few. */
  const leavesOf = (size: number): Checksum[] => {
    const from = taken;
    taken += chunkCount(size, chunkBytes);
    return leaves.slice(from, taken);
  };
  const snapshotSize = bytes.readUInt32LE(72);
  if (snapshotSize === 0 || snapshotSize > SNAPSHOT_BYTES_MAX)
    return corrupt(`its snapshot has ${snapshotSize} bytes`);
  const snapshot = { size: snapshotSize, checksum: readChecksum(bytes, 104), leaves: leavesOf(snapshotSize) };
  const segments: ManifestSegment[] = [];
  for (let number = 0; number < segmentCount; number++) {
    const at = HEAD_SIZE + number * SEGMENT_SIZE;
    const baseOp = readU64(bytes, at);
    const endOp = readU64(bytes, at + 8);
    const size = readU64(bytes, at + 16);
    const previous = segments.at(-1);
    if (baseOp <= 0 || endOp < baseOp || (previous !== undefined && baseOp !== previous.endOp + 1))
      return corrupt(`segment ${number} from op ${baseOp} to ${endOp} does not follow`);
    if (size <= SEGMENT_HEADER_SIZE || size > SEGMENT_BYTES_MAX)
      return corrupt(`segment ${number} has ${size} bytes`);
    segments.push({ baseOp, endOp, size, leaves: leavesOf(size) });
  }
  if (segments.at(-1)?.endOp !== op) return corrupt(`its segments do not end with op ${op}`);
  if (taken !== leafCount) return corrupt(`${leafCount} leaves for ${taken} chunks`);
  const checksum = readChecksum(bytes, 40);
  const lossEpoch = bytes.readUInt32LE(64);
  return decoded({ group, op, checksum, timestamp, lossEpoch, chunkBytes, snapshot, segments });
}

function readLeaves(bytes: Buffer, position: number, count: number): Checksum[] {
  const leaves: Checksum[] = [];
  for (let i = 0; i < count; i++) leaves.push(readChecksum(bytes, position + i * CHECKSUM_SIZE));
  return leaves;
}

function corrupt(message: string) {
  return refused('corruptPayload', `the manifest can not be used: ${message}`);
}
