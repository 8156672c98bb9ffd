import { DiskError } from './disk.ts';

/**
 * Why storage refused to open, read or write something. Stable codes:
 * - `otherCluster`, `otherNode`, `otherGroup`: the file is sound and belongs to somebody else;
 * - `newerFormat`: written by a later version of the program;
 * - `unreadable`: present and not to be made sense of. Never treated as absent;
 * - `indexLost`: flushes of the journal are gone together with both copies of their index, so nobody knows
 *   what this node promised: it counts as a lost disk;
 * - `damaged`: one entry that should be readable is not; its neighbours are;
 * - `outOfRange`: the offset or op is not in this log;
 * - `journalFull`: no file of the ring may be reused and none is left;
 * - `diskFailed`: the disk refused a call (`cause` holds its error);
 * - `invalidOptions`: a size or count that cannot work.
 */
export type StorageErrorCode =
  | 'otherCluster'
  | 'otherNode'
  | 'otherGroup'
  | 'newerFormat'
  | 'unreadable'
  | 'indexLost'
  | 'damaged'
  | 'outOfRange'
  | 'journalFull'
  | 'diskFailed'
  | 'invalidOptions';

/** An error value of this package: returned or handed to a callback, never thrown. */
export interface StorageError {
  readonly code: StorageErrorCode;
  /** For people: what was found where, and what was expected. */
  readonly message: string;
  readonly path: string;
  /** Byte in the file where the trouble begins, when there is one. */
  readonly position?: number;
  /** The op that is damaged, for `damaged` in a group's log. */
  readonly op?: number;
  /** The disk's own error, for `diskFailed` and where an error of the disk made a state unreadable. */
  readonly cause?: DiskError;
}

/** What opening answers. */
export type Opened<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: StorageError };

export function opened<T>(value: T): Opened<T> {
  return { ok: true, value };
}

export function refusedToOpen(error: StorageError): {
  readonly ok: false;
  readonly error: StorageError;
} {
  return { ok: false, error };
}

/** The error value for a disk's refusal at run time. */
export function diskFailed(cause: DiskError): StorageError {
  return { code: 'diskFailed', message: cause.message, path: cause.path, cause };
}

/**
 * Runs the synchronous reads of `open`, turning a disk's exception into `unreadable`: at boot an EIO means that
 * the state is there and cannot be read, which must stop the start. Other exceptions are bugs and pass.
 */
export function openingReads<T>(read: () => Opened<T>): Opened<T> {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return refusedToOpen({
      code: 'unreadable',
      message: `cannot read ${error.path}: ${error.message}`,
      path: error.path,
      cause: error,
    });
  }
}
