import type { Checksum, Checksums } from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { diskFailed, type StorageError } from '../errors.ts';
import type { GroupLog } from '../log/group-log.ts';
import type { LogEnd } from '../log/sparse-index.ts';
import type { SnapshotStore } from '../snapshot/snapshot-store.ts';
import { chunkCount, chunkLength } from './chunks.ts';
import type { LeafCache } from './leaf-cache.ts';
import type { Manifest, ManifestSegment } from './manifest.ts';

/** One chunk of a transfer: of the snapshot at `op` (`baseOp` 0), or of the segment that begins with `baseOp`. */
export interface ChunkPlace {
  /** The checkpoint that the manifest was of. */
  readonly op: number;
  readonly baseOp: number;
  readonly index: number;
  /** Bytes: the last chunk of a file is shorter, and the file may have grown since. */
  readonly length: number;
}

type ManifestDone = (...answer: [StorageError, null] | [null, Manifest | null]) => void;

interface SourceOptions {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly log: GroupLog;
  readonly snapshots: SnapshotStore;
  readonly leaves: LeafCache;
}

/** Gives other replicas what they lack of a group: describes its last checkpoint, and hands out the chunks of it. */
export class TransferSource {
  readonly #options: SourceOptions;

  constructor(options: SourceOptions) {
    this.#options = options;
  }

  /**
   * The state at the checkpoint whose end in the log is `end`. Null: its snapshot was replaced before it was read.
   * Errors: `diskFailed`, `damaged`.
   */
  manifest(end: LogEnd, lossEpoch: number, done: ManifestDone): void {
    const { log, snapshots, leaves } = this.#options;
    const slot = snapshots.slotOf(end.op);
    if (slot === null) {
      done(null, null);
      return;
    }
    const within = log.segments.filter(({ header }) => header.baseOp <= end.op);
    const segments: ManifestSegment[] = [];
    const finish = (snapshot: readonly Checksum[]) => {
      if (snapshots.slotOf(end.op) === null) {
        done(null, null);
        return;
      }
      const { op, checksum, timestamp } = end;
      const { chunkBytes } = leaves;
      done(null, {
        group: log.group,
        op,
        checksum,
        timestamp,
        lossEpoch,
        chunkBytes,
        snapshot: { size: slot.size, checksum: slot.checksum, leaves: snapshot },
        segments,
      });
    };
    const next = () => {
      const segment = within[segments.length];
      if (segment === undefined) {
        this.#snapshotLeaves(end.op, slot.size, [], (error, read) =>
          error === null ? finish(read) : done(error, null),
        );
        return;
      }
      const isLast = segments.length === within.length - 1;
      const size = isLast ? end.position : segment.end.position;
      const endOp = isLast ? end.op : segment.end.op;
      leaves.leaves(segment.path, size, (error, read) => {
        if (error !== null) {
          done(error, null);
          return;
        }
        segments.push({ baseOp: segment.header.baseOp, endOp, size, leaves: read });
        next();
      });
    };
    next();
  }

  #snapshotLeaves(
    op: number,
    size: number,
    read: Checksum[],
    done: (...answer: [StorageError, null] | [null, readonly Checksum[]]) => void,
  ): void {
    const { leaves, checksums } = this.#options;
    const index = read.length;
    if (index === chunkCount(size, leaves.chunkBytes)) {
      done(null, read);
      return;
    }
    const length = chunkLength(size, index, leaves.chunkBytes);
    this.chunk({ op, baseOp: 0, index, length }, (error, bytes) => {
      if (error !== null) done(error, null);
      else {
        // Replaced meanwhile: the caller looks again before it believes what came out.
        read.push(checksums.identity(bytes ?? Buffer.alloc(0)));
        this.#snapshotLeaves(op, size, read, done);
      }
    });
  }

  /**
   * Reads a chunk. Null: it is not here, or not any more. What it is worth is for the receiver to check: a chunk of a
   * damaged file is handed out as it is. Errors: `diskFailed`.
   */
  chunk(
    { op, baseOp, index, length }: ChunkPlace,
    done: (...answer: [StorageError, null] | [null, Buffer | null]) => void,
  ): void {
    const { disk, log, snapshots, leaves } = this.#options;
    const position = index * leaves.chunkBytes;
    const file = baseOp === 0 ? snapshots.slotOf(op) : segmentFile(log, baseOp);
    if (file === null || length > leaves.chunkBytes || position + length > file.size) {
      done(null, null);
      return;
    }
    disk.read(file.path, file.from + position, length, (error, bytes) => {
      if (error !== null) done(diskFailed(error), null);
      else done(null, bytes.length === length ? bytes : null);
    });
  }
}

function segmentFile(log: GroupLog, baseOp: number) {
  const segment = log.segments.find(({ header }) => header.baseOp === baseOp);
  return segment === undefined ? null : { path: segment.path, from: 0, size: segment.written.position };
}
