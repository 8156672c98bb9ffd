import type * as fs from 'node:fs';
import { constants } from 'node:fs';

/** The calls of `node:fs` that the disk makes at run time; tests put failing or short ones in their place. */
export type FileSystem = Pick<
  typeof fs,
  | 'open'
  | 'close'
  | 'closeSync'
  | 'writev'
  | 'read'
  | 'fdatasync'
  | 'fsync'
  | 'ftruncate'
  | 'rename'
  | 'unlink'
  | 'rmdir'
  | 'mkdir'
>;

/** How a descriptor was opened: writes by a `durable` one return when on stable storage (O_DSYNC). */
export type DescriptorMode = 'plain' | 'durable';

type AcquireCallback = (error: Error | null, file: OpenFile | null) => void;

/** An open file. Whoever acquired it releases it. */
export class OpenFile {
  readonly path: string;
  /** −1: not open in this mode. */
  readonly fd: Record<DescriptorMode, number> = { plain: -1, durable: -1 };
  readonly waiting: Record<DescriptorMode, AcquireCallback[]> = { plain: [], durable: [] };
  users = 0;
  /** Out of the cache: closed by its last user. */
  forgotten = false;
  /** Plain changes that completed, and how many of them a sync has covered. */
  written = 0;
  synced = 0;

  constructor(path: string) {
    this.path = path;
  }

  get isSynced(): boolean {
    return this.synced === this.written;
  }
}

/** What `FileDescriptors` is made of. */
interface FileDescriptorsOptions {
  readonly fs: FileSystem;
  /** Turns a path of the disk into one of the file system. */
  readonly resolve: (path: string) => string;
  /** Files kept open, above which the one unused for longest is closed. */
  readonly filesMax: number;
  /** Syncs a file that is about to be closed with unsynced writes. */
  readonly syncBeforeClose: (file: OpenFile, done: () => void) => void;
}

/**
 * Descriptors kept open between uses. A file with writes that no sync has covered is synced before it is
 * closed: the kernel reports a failed write-back to the descriptors that were open at that time, so closing
 * one early could hide the failure from the later `sync` of that path.
 */
export class FileDescriptors {
  readonly #options: FileDescriptorsOptions;
  /** In the order of the last use, oldest first. */
  readonly #files = new Map<string, OpenFile>();

  constructor(options: FileDescriptorsOptions) {
    this.#options = options;
  }

  /** Calls back at once when the file is open already, else when it is or can not be. */
  acquire(path: string, mode: DescriptorMode, callback: AcquireCallback): void {
    let file = this.#files.get(path);
    if (file === undefined) file = new OpenFile(path);
    else this.#files.delete(path);
    this.#files.set(path, file);
    file.users++;
    if (file.fd[mode] >= 0) {
      callback(null, file);
      return;
    }
    file.waiting[mode].push(callback);
    if (file.waiting[mode].length === 1) this.#open(file, mode);
  }

  release(file: OpenFile): void {
    file.users--;
    if (file.users > 0) return;
    if (file.forgotten) this.#close(file);
    else if (this.#files.size > this.#options.filesMax) this.#evict();
  }

  /** The path means another file from now on, or none. What is in flight ends on the old one. */
  forget(path: string): void {
    const file = this.#files.get(path);
    if (file === undefined) return;
    this.#files.delete(path);
    file.forgotten = true;
    if (file.users === 0) this.#close(file);
  }

  /** Closes everything that is not in use, and the rest when its last user is done. */
  closeAll(): void {
    for (const file of this.#files.values()) {
      file.forgotten = true;
      if (file.users > 0) continue;
      for (const fd of Object.values(file.fd)) if (fd >= 0) this.#options.fs.closeSync(fd);
    }
    this.#files.clear();
  }

  /** Files that are open. */
  get size(): number {
    return this.#files.size;
  }

  #open(file: OpenFile, mode: DescriptorMode): void {
    const { fs, resolve } = this.#options;
    const flags = mode === 'durable' ? constants.O_RDWR | constants.O_DSYNC : constants.O_RDWR;
    fs.open(resolve(file.path), flags, (error, fd) => {
      if (error === null) file.fd[mode] = fd;
      const waiting = file.waiting[mode].splice(0);
      for (const callback of waiting) {
        if (error === null) {
          callback(null, file);
          continue;
        }
        file.users--;
        callback(error, null);
      }
      if (file.users === 0 && error !== null) this.#dropEmpty(file);
    });
  }

  /** A file that could not be opened at all leaves nothing behind. */
  #dropEmpty(file: OpenFile): void {
    if (file.fd.plain >= 0 || file.fd.durable >= 0) return;
    if (this.#files.get(file.path) === file) this.#files.delete(file.path);
  }

  #evict(): void {
    for (const file of this.#files.values()) {
      if (file.users > 0) continue;
      if (!file.isSynced) {
        // In use while it is synced; `release` comes back here. One whose sync fails is given up on: its path
        // is known to be bad by then.
        file.users++;
        this.#options.syncBeforeClose(file, () => {
          file.synced = file.written;
          this.release(file);
        });
        return;
      }
      this.forget(file.path);
      return;
    }
  }

  #close(file: OpenFile): void {
    // A close that fails has still closed, and everything that had to be durable was synced before.
    for (const fd of Object.values(file.fd)) if (fd >= 0) this.#options.fs.close(fd, () => {});
  }
}
