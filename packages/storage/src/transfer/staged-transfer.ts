import type { Checksums } from '@vireo/protocol';
import type { Disk, DiskError } from '../disk.ts';
import { diskFailed, type StorageError } from '../errors.ts';
import type { GroupLog } from '../log/group-log.ts';
import type { Place } from '../log/log-place.ts';
import type { Segment } from '../log/segment.ts';
import { groupDirectory } from '../log/segment-header.ts';
import type { LogEnd } from '../log/sparse-index.ts';
import { chunkLength } from './chunks.ts';
import { installStaged } from './install-staged.ts';
import type { LeafCache } from './leaf-cache.ts';
import type { Manifest, ManifestFile, ManifestSegment } from './manifest.ts';
import { matches, stagedSegmentPath, stagedSnapshotPath } from './staging.ts';
import type { ChunkPlace } from './transfer-source.ts';
import { verifySegment } from './verify-segment.ts';

type Done = (error: StorageError | null) => void;

interface TransferPlace {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly cluster: string;
  readonly log: GroupLog;
  readonly leaves: LeafCache;
}

/** One file that is being staged. */
interface StagedFile {
  /** 0: the snapshot. */
  readonly baseOp: number;
  readonly file: ManifestFile;
  readonly path: string;
}

/** What came out of a chunk: written; not what the manifest says; or not asked for (any more). */
type ChunkTaken = 'kept' | 'wrong' | 'unwanted';

/**
 * The receiving side of a state transfer: brings the files of a manifest together beside the group's own, chunk by chunk,
 * each verified against its leaf. Nothing that the group has is touched before all of it is complete, verified and synced
 * (erratum E1). What is staged is told by its content alone: a transfer that was cut off by a crash, or by another
 * manifest, goes on with every chunk that still matches.
 */
export class StagedTransfer {
  readonly manifest: Manifest;
  /** Bytes that came from others, and bytes that were there: staged earlier, or copied from the group's own files. */
  fetchedBytes = 0;
  keptBytes = 0;
  readonly #place: TransferPlace;
  readonly #files: StagedFile[] = [];
  /** Chunks to be fetched, and those that somebody was asked for. */
  readonly #wanted: ChunkPlace[] = [];
  readonly #asked = new Map<string, ChunkPlace>();
  #writing = 0;
  #verified: Segment[] | null = null;

  constructor(place: TransferPlace, manifest: Manifest) {
    this.#place = place;
    this.manifest = manifest;
  }

  /**
   * Compares the manifest with what is here, and makes the files to be completed. What can not be read is fetched.
   * Errors: `diskFailed`.
   */
  compare(done: Done): void {
    const { manifest } = this;
    const { disk, log } = this.#place;
    const next = (number: number): void => {
      const segment = manifest.segments[number];
      if (segment === undefined) {
        this.#stage({ baseOp: 0, file: manifest.snapshot, path: stagedSnapshotPath(log.group) }, done);
        return;
      }
      this.#isHere(segment, (isHere) => {
        if (isHere) next(number + 1);
        else {
          const path = stagedSegmentPath(log.group, segment.baseOp);
          this.#stage({ baseOp: segment.baseOp, file: segment, path }, (failed) =>
            failed === null ? next(number + 1) : done(failed),
          );
        }
      });
    };
    disk.makeDirectory(groupDirectory(log.group), (error) =>
      error === null ? next(0) : done(diskFailed(error)),
    );
  }

  /** Whether the group's own segment is the manifest's, byte for byte. */
  #isHere({ baseOp, endOp, size, leaves }: ManifestSegment, done: (isHere: boolean) => void): void {
    const own = this.#own(baseOp);
    if (own === undefined || own.written.op !== endOp || own.written.position !== size) {
      done(false);
      return;
    }
    this.#place.leaves.leaves(own.path, size, (error, here) => {
      done(error === null && here.every((leaf, index) => leaf === leaves[index]));
    });
  }

  #own(baseOp: number): Segment | undefined {
    return this.#place.log.segments.find(({ header }) => header.baseOp === baseOp);
  }

  /** Makes or finds the staged file, and goes through its chunks. */
  #stage(staged: StagedFile, done: Done): void {
    const { disk } = this.#place;
    const { path, file } = staged;
    this.#files.push(staged);
    const isNew = disk.size(path) === null;
    const go = (error: DiskError | null): void => {
      if (error === null) this.#stageChunk(staged, 0, isNew, done);
      else done(diskFailed(error));
    };
    if (isNew) disk.create(path, file.size, go);
    else disk.truncate(path, file.size, go);
  }

  #stageChunk(staged: StagedFile, index: number, isNew: boolean, done: Done): void {
    const { path, file, baseOp } = staged;
    const { chunkBytes } = this.manifest;
    const leaf = file.leaves[index];
    if (leaf === undefined) {
      done(null);
      return;
    }
    const position = index * chunkBytes;
    const length = chunkLength(file.size, index, chunkBytes);
    const next = () => this.#stageChunk(staged, index + 1, isNew, done);
    const want = () => {
      this.#wanted.push({ op: this.manifest.op, baseOp, index, length });
      next();
    };
    const fromOwn = () => {
      const own = baseOp === 0 ? undefined : this.#own(baseOp);
      if (own === undefined || own.written.position < position + length) {
        want();
        return;
      }
      matches(this.#place, { path: own.path, position, length, leaf }, (bytes) => {
        if (bytes === null) want();
        else this.#write(path, position, bytes, (failed) => (failed === null ? kept() : done(failed)));
      });
    };
    const kept = () => {
      this.keptBytes += length;
      next();
    };
    if (isNew) {
      fromOwn();
      return;
    }
    matches(this.#place, { path, position, length, leaf }, (bytes) => {
      if (bytes === null) fromOwn();
      else kept();
    });
  }

  #write(path: string, position: number, bytes: Buffer, done: Done): void {
    this.#place.disk.write(path, position, [bytes], false, (error) =>
      done(error === null ? null : diskFailed(error)),
    );
  }

  /** The next chunk to ask for; null: none, at present. */
  next(): ChunkPlace | null {
    const chunk = this.#wanted.shift();
    if (chunk === undefined) return null;
    this.#asked.set(keyOf(chunk), chunk);
    return chunk;
  }

  /** Whoever was asked for it has not got it, or does not answer: it is asked for again. */
  giveBack(chunk: ChunkPlace): void {
    if (this.#asked.delete(keyOf(chunk))) this.#wanted.unshift(chunk);
  }

  /** Takes a chunk that was asked for. Errors: `diskFailed`. */
  take(
    place: ChunkPlace,
    bytes: Buffer,
    done: (...answer: [StorageError, null] | [null, ChunkTaken]) => void,
  ): void {
    const chunk = this.#asked.get(keyOf(place));
    const staged = this.#files.find(({ baseOp }) => baseOp === place.baseOp);
    if (chunk === undefined || staged === undefined) {
      done(null, 'unwanted');
      return;
    }
    const { checksums } = this.#place;
    if (bytes.length !== chunk.length || checksums.identity(bytes) !== staged.file.leaves[chunk.index]) {
      done(null, 'wrong');
      return;
    }
    this.#asked.delete(keyOf(chunk));
    this.#writing++;
    this.#write(staged.path, chunk.index * this.manifest.chunkBytes, bytes, (error) => {
      this.#writing--;
      if (error !== null) {
        done(error, null);
        return;
      }
      this.fetchedBytes += bytes.length;
      done(null, 'kept');
    });
  }

  /** Every chunk is there. */
  get complete(): boolean {
    return this.#wanted.length === 0 && this.#asked.size === 0 && this.#writing === 0;
  }

  /**
   * Makes what is staged durable and goes through it op by op. Errors: `unreadable` (these bytes are not this group's
   * log: the sender's are damaged), `diskFailed`.
   */
  verify(done: Done): void {
    const { manifest } = this;
    const { disk, checksums, cluster, log } = this.#place;
    const place: Place = { disk, checksums, cluster, group: log.group };
    const verified: Segment[] = [];
    const next = (number: number, previous: LogEnd | null): void => {
      const expected = manifest.segments[number];
      if (expected === undefined) {
        const { op, checksum, timestamp } = manifest;
        if (previous?.op !== op || previous.checksum !== checksum || previous.timestamp !== timestamp) {
          const message = 'its segments end with another op than it says';
          done({ code: 'unreadable', message, path: groupDirectory(log.group) });
          return;
        }
        this.#verified = verified;
        done(null);
        return;
      }
      const staged = this.#files.find(({ baseOp }) => baseOp === expected.baseOp);
      if (staged === undefined) {
        next(number + 1, this.#own(expected.baseOp)?.written ?? null);
        return;
      }
      verifySegment(place, staged.path, expected, previous, (error, segment) => {
        if (error !== null) {
          done(error);
          return;
        }
        verified.push(segment);
        next(number + 1, segment.end);
      });
    };
    this.#sync(0, (error) => (error === null ? next(0, null) : done(error)));
  }

  #sync(number: number, done: Done): void {
    const file = this.#files[number];
    if (file === undefined) {
      done(null);
      return;
    }
    this.#place.disk.sync(file.path, (error) =>
      error === null ? this.#sync(number + 1, done) : done(diskFailed(error)),
    );
  }

  /** The state at the manifest's op, when it is complete. Errors: `unreadable` (it is damaged here, or at its sender). */
  readSnapshot(done: (...answer: [StorageError, null] | [null, Buffer]) => void): void {
    const { snapshot } = this.manifest;
    const { disk, checksums, log } = this.#place;
    const path = stagedSnapshotPath(log.group);
    disk.read(path, 0, snapshot.size, (error, bytes) => {
      if (error === null && checksums.identity(bytes) === snapshot.checksum) done(null, bytes);
      else done({ code: 'unreadable', message: 'the staged snapshot is not what was written', path }, null);
    });
  }

  /**
   * Puts the verified segments in the place of the group's own. The caller has made the log durable and sees to it that
   * nothing is appended until `done`; the snapshot comes after, for it must not be ahead of its segments. Errors:
   * `outOfRange` (the log does not lead to the manifest's op, or is beyond it: nothing was changed), `diskFailed`.
   */
  install(done: Done): void {
    if (this.#verified === null) throw new Error('a transfer is installed before it is verified');
    const { disk, checksums, log, leaves } = this.#place;
    installStaged({ disk, checksums, log, leaves }, this.manifest, this.#verified, done);
  }
}

function keyOf({ op, baseOp, index }: ChunkPlace): string {
  return `${op}/${baseOp}/${index}`;
}
