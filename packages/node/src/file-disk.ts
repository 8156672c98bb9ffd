import * as nodeFs from 'node:fs';
import { dirname, join } from 'node:path';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { type Disk, type DiskCallback, DiskError, type ReadCallback } from '@vireo/storage';
import { createFile, makeDirectories, syncDirectories } from './directory-operations.ts';
import { diskError } from './disk-errors.ts';
import { type DescriptorMode, FileDescriptors, type FileSystem, type OpenFile } from './file-descriptors.ts';
import { FileOrder } from './file-order.ts';
import { openFilesMax } from './open-files.ts';
import { systemCode } from './start-errors.ts';
import { readsInFlightMax } from './thread-pool.ts';

/** Settings of `FileDisk`. */
export interface FileDiskOptions {
  /** Files kept open. Default: by the process's limit, see `openFilesMax`. */
  readonly filesMax?: number;
  /** Reads in flight at once; more wait in order. Default: from `UV_THREADPOOL_SIZE`, see `readsInFlightMax`. */
  readonly readsMax?: number;
  /**
   * How a durable write is made so. Default: `dsync` on Linux, where it was measured to be faster
   * (benchmarks/DURABLE-WRITE.md); `fdatasync` elsewhere, because on macOS only that empties the drive's cache.
   */
  readonly durableBy?: 'dsync' | 'fdatasync';
  /** For tests. Default: `node:fs`. */
  readonly fs?: FileSystem;
}

/**
 * The data directory as a `Disk`.
 *
 * A sync that failed is reported and never tried again: after a failed one the kernel marks the lost pages
 * clean, and a second call would succeed and lie. Every later change of that file fails.
 */
export class FileDisk implements Disk {
  /** Duration of durable writes and syncs, microseconds. */
  readonly durableMicros: RecordableHistogram = createHistogram();
  bytesWritten = 0;
  bytesRead = 0;
  readonly #root: string;
  readonly #fs: FileSystem;
  readonly #dsync: boolean;
  readonly #files: FileDescriptors;
  readonly #readsMax: number;
  readonly #order = new FileOrder();
  #reading = 0;
  /** Bounded by the core, which bounds the reads that it has open. */
  readonly #readsWaiting: (() => void)[] = [];
  /** Paths of which a sync failed. */
  readonly #unsyncable = new Map<string, DiskError>();

  constructor(root: string, options: FileDiskOptions = {}) {
    this.#root = root;
    this.#fs = options.fs ?? nodeFs;
    this.#dsync = (options.durableBy ?? (process.platform === 'linux' ? 'dsync' : 'fdatasync')) === 'dsync';
    this.#readsMax = options.readsMax ?? readsInFlightMax();
    this.#files = new FileDescriptors({
      fs: this.#fs,
      resolve: (path) => join(root, path),
      filesMax: options.filesMax ?? openFilesMax(),
      syncBeforeClose: (file, done) => this.#syncFile(file, performance.now(), done),
    });
  }

  list(directory: string): string[] {
    try {
      // The file system's order is its own affair; recovery should not depend on it.
      return nodeFs.readdirSync(join(this.#root, directory)).sort();
    } catch (error) {
      throw diskError(error, directory);
    }
  }

  size(path: string): number | null {
    try {
      return nodeFs.statSync(join(this.#root, path)).size;
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return null;
      throw diskError(error, path);
    }
  }

  /** Shorter than `length` only when the file ends. */
  readSync(path: string, position: number, length: number): Buffer {
    try {
      const fd = nodeFs.openSync(join(this.#root, path), 'r');
      try {
        const bytes = Buffer.allocUnsafeSlow(length);
        let have = 0;
        while (have < length) {
          const read = nodeFs.readSync(fd, bytes, have, length - have, position + have);
          if (read === 0) break;
          have += read;
        }
        return have === length ? bytes : bytes.subarray(0, have);
      } finally {
        nodeFs.closeSync(fd);
      }
    } catch (error) {
      throw diskError(error, path);
    }
  }

  write(
    path: string,
    position: number,
    buffers: readonly Buffer[],
    durable: boolean,
    done: DiskCallback,
  ): void {
    const startedMs = performance.now();
    this.#change(path, durable && this.#dsync ? 'durable' : 'plain', done, (file, finish) => {
      const direct = durable && this.#dsync;
      this.#writeAll(direct ? file.fd.durable : file.fd.plain, buffers, position, (failure) => {
        if (failure !== null) {
          if (direct) this.#directWriteFailed(path, failure);
          return finish(diskError(failure, path));
        }
        if (!direct) file.written++;
        // O_DSYNC covers the bytes of its own call; plain writes before it still need a sync.
        if (durable && !file.isSynced) return this.#syncFile(file, startedMs, finish);
        if (durable) this.#recordDurable(startedMs);
        finish(null);
      });
    });
  }

  read(path: string, position: number, length: number, done: ReadCallback): void {
    this.#order.add(path, 'read', (finished) => {
      const start = () => {
        this.#reading++;
        this.#readNow(path, position, length, (error, bytes) => {
          this.#reading--;
          this.#readsWaiting.shift()?.();
          finished(() => done(error, bytes));
        });
      };
      if (this.#reading < this.#readsMax) start();
      else this.#readsWaiting.push(start);
    });
  }

  sync(path: string, done: DiskCallback): void {
    this.#order.add(path, 'sync', (finished) => {
      this.#withFile(
        path,
        'plain',
        (error) => finished(() => done(error)),
        (file, finish) => this.#syncFile(file, performance.now(), finish),
      );
    });
  }

  create(path: string, size: number, done: DiskCallback): void {
    this.#order.add(path, 'change', (finished) => {
      createFile(this.#fs, join(this.#root, path), size, (error) => {
        if (error !== null) this.#files.forget(path);
        finished(() => done(error === null ? null : diskError(error, path)));
      });
    });
  }

  truncate(path: string, size: number, done: DiskCallback): void {
    this.#change(path, 'plain', done, (file, finish) => {
      this.#fs.ftruncate(file.fd.plain, size, (failure) => {
        file.written++;
        finish(failure === null ? null : diskError(failure, path));
      });
    });
  }

  rename(from: string, to: string, done: DiskCallback): void {
    const [source, target] = [join(this.#root, from), join(this.#root, to)];
    this.#order.add(from, 'change', (finished) => {
      const finish = (error: Error | null) =>
        finished(() => done(error === null ? null : diskError(error, from)));
      const unsyncable = this.#unsyncable.get(from);
      // Under its new name the file would look sound.
      if (unsyncable !== undefined) {
        process.nextTick(finish, unsyncable);
        return;
      }
      this.#fs.rename(source, target, (error) => {
        if (error !== null) return finish(error);
        this.#files.forget(from);
        this.#files.forget(to);
        this.#unsyncable.delete(to);
        syncDirectories(this.#fs, [...new Set([dirname(target), dirname(source)])], finish);
      });
    });
  }

  /** Also removes an empty directory. */
  remove(path: string, done: DiskCallback): void {
    const target = join(this.#root, path);
    this.#order.add(path, 'change', (finished) => {
      const finish = (error: Error | null) =>
        finished(() => done(error === null ? null : diskError(error, path)));
      const removed = (error: Error | null) => {
        const absent = systemCode(error) === 'ENOENT';
        if (error !== null && !absent) return finish(error);
        this.#files.forget(path);
        this.#unsyncable.delete(path);
        // An absent one may have been removed a moment before a crash, so its directory is synced too.
        syncDirectories(this.#fs, [dirname(target)], (failure) =>
          finish(absent && systemCode(failure) === 'ENOENT' ? null : failure),
        );
      };
      this.#fs.unlink(target, (error) => {
        const code = systemCode(error);
        // EPERM is what POSIX says of a directory, EISDIR what Linux says.
        if (code === 'EISDIR' || code === 'EPERM') {
          this.#fs.rmdir(target, (second) => removed(second === null ? null : error));
        } else {
          removed(error);
        }
      });
    });
  }

  makeDirectory(path: string, done: DiskCallback): void {
    makeDirectories(this.#fs, join(this.#root, path), (error) =>
      done(error === null ? null : diskError(error, path)),
    );
  }

  /** Closes the descriptors. Calls after it are errors of the caller. */
  close(): void {
    this.#files.closeAll();
  }

  /** Files open now. */
  get openFiles(): number {
    return this.#files.size;
  }

  #writeAll(
    fd: number,
    buffers: readonly Buffer[],
    position: number,
    done: (error: Error | null) => void,
  ): void {
    let total = 0;
    for (const buffer of buffers) total += buffer.length;
    if (total === 0) {
      process.nextTick(done, null);
      return;
    }
    this.#fs.writev(fd, buffers as Buffer[], position, (error, written) => {
      if (error !== null) return done(error);
      this.bytesWritten += written;
      if (written === total) return done(null);
      // The kernel took a part: the disk is nearly full, or a signal came. The next call says which.
      if (written === 0) return done(new Error('the write makes no progress'));
      this.#writeAll(fd, withoutFirst(buffers, written), position + written, done);
    });
  }

  #readNow(path: string, position: number, length: number, done: ReadCallback): void {
    this.#files.acquire(path, 'plain', (error, file) => {
      if (file === null) return done(diskError(error, path), Buffer.alloc(0));
      // Its own allocation: the core keeps it, and a slice of a pool would pin its neighbours.
      const bytes = Buffer.allocUnsafeSlow(length);
      const finish = (failure: Error | null, have: number) => {
        this.#files.release(file);
        this.bytesRead += have;
        if (failure !== null) done(diskError(failure, path), Buffer.alloc(0));
        else done(null, have === length ? bytes : bytes.subarray(0, have));
      };
      const more = (have: number) => {
        this.#fs.read(file.fd.plain, bytes, have, length - have, position + have, (failure, read) => {
          if (failure !== null) finish(failure, have);
          else if (read === 0 || have + read === length) finish(null, have + read);
          else more(have + read);
        });
      };
      if (length === 0) process.nextTick(finish, null, 0);
      else more(0);
    });
  }

  /** A change of an open file, in the order of the file. */
  #change(
    path: string,
    mode: DescriptorMode,
    done: DiskCallback,
    action: (file: OpenFile, finish: DiskCallback) => void,
  ): void {
    this.#order.add(path, 'change', (finished) => {
      this.#withFile(path, mode, (error) => finished(() => done(error)), action);
    });
  }

  /** Opens the file, unless nothing of it can become durable any more. */
  #withFile(
    path: string,
    mode: DescriptorMode,
    done: DiskCallback,
    action: (file: OpenFile, finish: DiskCallback) => void,
  ): void {
    const unsyncable = this.#unsyncable.get(path);
    if (unsyncable !== undefined) {
      process.nextTick(done, unsyncable);
      return;
    }
    this.#files.acquire(path, mode, (error, file) => {
      if (file === null) return done(diskError(error, path));
      action(file, (failure) => {
        this.#files.release(file);
        done(failure);
      });
    });
  }

  /** By a descriptor of either mode: it syncs the whole file. */
  #syncFile(file: OpenFile, startedMs: number, done: DiskCallback): void {
    const covered = file.written;
    this.#fs.fdatasync(file.fd.plain >= 0 ? file.fd.plain : file.fd.durable, (error) => {
      this.#recordDurable(startedMs);
      if (error !== null) return done(this.#syncFailed(file.path, error));
      file.synced = Math.max(file.synced, covered);
      done(null);
    });
  }

  /** A direct write that failed may have failed in its sync half: then its pages are clean, and lost. */
  #directWriteFailed(path: string, error: Error): void {
    const code = systemCode(error);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') this.#syncFailed(path, error);
  }

  #syncFailed(path: string, error: Error): DiskError {
    const failure = diskError(error, path);
    this.#unsyncable.set(
      path,
      new DiskError(failure.code, path, `${path}: an earlier sync failed: ${error.message}`),
    );
    return failure;
  }

  #recordDurable(startedMs: number): void {
    this.durableMicros.record(Math.max(1, Math.round((performance.now() - startedMs) * 1000)));
  }
}

/** What is left of `buffers` behind their first `count` bytes. */
function withoutFirst(buffers: readonly Buffer[], count: number): Buffer[] {
  const rest: Buffer[] = [];
  let skip = count;
  for (const buffer of buffers) {
    if (skip < buffer.length) rest.push(skip === 0 ? buffer : buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return rest;
}
