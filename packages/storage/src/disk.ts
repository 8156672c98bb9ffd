/**
 * What storage needs of a disk. The real adapter and the simulated one implement it; storage itself never
 * opens a file. Paths are relative to the node's data directory and separated by '/'.
 *
 * There are two halves. At boot, before the node answers anybody, calls are synchronous and throw `DiskError`.
 * At run time every call returns at once and its completion is an event: `done` is called exactly once, never
 * before the call has returned. Completions of one file arrive in the order of the calls.
 */
export interface Disk {
  /** Names of files and directories in `directory`, sorted. Throws `notFound` when it does not exist. */
  list(directory: string): string[];
  /** Size in bytes, or null when there is no such file. Throws for every other reason: EIO is not "absent". */
  size(path: string): number | null;
  /** `length` bytes from `position`; fewer only where the file ends. The Buffer belongs to the caller. */
  readSync(path: string, position: number, length: number): Buffer;

  /**
   * Writes `buffers` back to back at `position` of an existing file, extending it when needed. The buffers
   * must not be changed until `done`. `durable`: `done` comes only when these bytes, and everything written to
   * this file before, are on stable storage; otherwise they are until then only readable.
   */
  write(
    path: string,
    position: number,
    buffers: readonly Buffer[],
    durable: boolean,
    done: DiskCallback,
  ): void;
  /** `length` bytes from `position`; fewer only where the file ends. On an error `bytes` is empty. */
  read(path: string, position: number, length: number, done: ReadCallback): void;
  /** Puts everything written to the file so far on stable storage. */
  sync(path: string, done: DiskCallback): void;
  /**
   * Makes a file of `size` zero bytes, in place of one of that name; file and directory entry are on stable
   * storage when `done` comes. Its directory must exist.
   */
  create(path: string, size: number, done: DiskCallback): void;
  /** Cuts or extends (with zeros) the file to `size` bytes; durable with the next sync or durable write. */
  truncate(path: string, size: number, done: DiskCallback): void;
  /** Renames, in place of a file of the name `to`; the directory entries are on stable storage at `done`. */
  rename(from: string, to: string, done: DiskCallback): void;
  /** Removes the file; the directory entry is on stable storage at `done`. One that is absent is no error. */
  remove(path: string, done: DiskCallback): void;
  /** Makes the directory and its parents, durably. One that exists is no error. */
  makeDirectory(path: string, done: DiskCallback): void;
}

/** The half of a disk that only looks: all that it takes to find out what a data directory holds. */
export type DiskReads = Pick<Disk, 'list' | 'size' | 'readSync'>;

/** How a run-time call ended. */
export type DiskCallback = (error: DiskError | null) => void;
export type ReadCallback = (error: DiskError | null, bytes: Buffer) => void;

/** `io` stands for everything that is none of the others. */
export type DiskErrorCode = 'notFound' | 'io' | 'noSpace' | 'denied';

/** What a disk refuses with. Never retried by storage: after a failed sync nobody knows what the disk holds. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: DiskErrorCode;
  readonly path: string;

  constructor(code: DiskErrorCode, path: string, message: string) {
    super(message);
    this.code = code;
    this.path = path;
  }
}
