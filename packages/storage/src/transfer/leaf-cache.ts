import type { Checksum, Checksums } from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { diskFailed, type StorageError } from '../errors.ts';
import { chunkLength } from './chunks.ts';

type LeavesDone = (...answer: [StorageError, null] | [null, readonly Checksum[]]) => void;

/**
 * Identities of the chunks of segment files. Segments grow at their end only, so whole chunks are read once a run and
 * remembered: 16 bytes of digits for a mebibyte of log. One chunk is in memory at a time.
 */
export class LeafCache {
  readonly chunkBytes: number;
  readonly #disk: Disk;
  readonly #checksums: Checksums;
  /** By path: the leading whole chunks. */
  readonly #known = new Map<string, Checksum[]>();

  constructor(disk: Disk, checksums: Checksums, chunkBytes: number) {
    this.#disk = disk;
    this.#checksums = checksums;
    this.chunkBytes = chunkBytes;
  }

  /** Another file has taken this name. */
  forget(path: string): void {
    this.#known.delete(path);
  }

  /**
   * Leaves of the first `size` bytes of a segment, all of which are written. `done` comes before this call returns when
   * they are known. Errors: `diskFailed`, `damaged` (the file is shorter).
   */
  leaves(path: string, size: number, done: LeavesDone): void {
    const known = this.#known.get(path) ?? [];
    this.#known.set(path, known);
    const whole = Math.floor(size / this.chunkBytes);
    if (known.length >= whole && size % this.chunkBytes === 0) {
      done(null, known.slice(0, whole));
      return;
    }
    const index = Math.min(known.length, whole);
    const length = chunkLength(size, index, this.chunkBytes);
    this.#disk.read(path, index * this.chunkBytes, length, (error, bytes) => {
      if (error !== null) {
        done(diskFailed(error), null);
      } else if (bytes.length < length) {
        done({ code: 'damaged', message: 'the segment is shorter than what was written to it', path }, null);
      } else {
        const leaf = this.#checksums.identity(bytes);
        if (index === whole) {
          done(null, [...known.slice(0, whole), leaf]);
          return;
        }
        // Somebody else may have read the same chunk meanwhile.
        if (known.length === index) known.push(leaf);
        this.leaves(path, size, done);
      }
    });
  }
}
