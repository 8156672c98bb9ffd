import { DiskError } from '@vireo/storage';

/**
 * What a disk is made to refuse. Each error is handed out once; `handedOut` tells whether the process that runs now
 * was given one, for then its end is the right answer and not a bug.
 */
export class DiskErrors {
  /** So many of the next operations that reach stable storage fail with EIO, after the bytes were taken. */
  syncs = 0;
  /** So many of the next reads fail with EIO, those of the start included. */
  reads = 0;
  /** No file can be made or grow: ENOSPC. What was made before can be written in place. */
  isFull = false;
  handedOut = false;

  /** A process begins: what its predecessor was told is history. */
  processStarted(): void {
    this.handedOut = false;
  }

  /** All of it ends. */
  clear(): void {
    this.syncs = 0;
    this.reads = 0;
    this.isFull = false;
  }

  sync(path: string): DiskError | null {
    if (this.syncs === 0) return null;
    this.syncs -= 1;
    return this.#hand(new DiskError('io', path, `${path} could not be synced (EIO)`));
  }

  read(path: string): DiskError | null {
    if (this.reads === 0) return null;
    this.reads -= 1;
    return this.#hand(new DiskError('io', path, `${path} could not be read (EIO)`));
  }

  space(path: string, grows: boolean): DiskError | null {
    if (!this.isFull || !grows) return null;
    return this.#hand(new DiskError('noSpace', path, `no space is left for ${path} (ENOSPC)`));
  }

  #hand(error: DiskError): DiskError {
    this.handedOut = true;
    return error;
  }
}
