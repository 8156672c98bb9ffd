import { dirname } from 'node:path';
import type { FileSystem } from './file-descriptors.ts';

type Callback = (error: Error | null) => void;

/** Zeros written by one call. Bytes. */
const ZEROS = Buffer.alloc(1 << 20);
/**
 * Bytes filled between two syncs. Files are made in the background: 64 MiB of dirty pages synced at once would
 * hold up the journal writes that come meanwhile.
 */
const SYNC_EVERY = 4 << 20;

/** Syncs directories one after the other: a file that was made or renamed may be gone after a crash until then. */
export function syncDirectories(fs: FileSystem, directories: readonly string[], done: Callback): void {
  const [directory, ...rest] = directories;
  if (directory === undefined) {
    done(null);
    return;
  }
  fs.open(directory, 'r', (error, fd) => {
    if (error !== null) return done(error);
    fs.fsync(fd, (failure) => {
      fs.close(fd, () => {
        if (failure !== null) done(failure);
        else syncDirectories(fs, rest, done);
      });
    });
  });
}

/**
 * Makes a file of `size` zeros, durable with its name, in place of one that is there. One that can not be
 * filled is removed: a short file of that name would be taken for a torn one.
 */
export function createFile(fs: FileSystem, path: string, size: number, done: Callback): void {
  fs.open(path, 'w', (error, fd) => {
    if (error !== null) return done(error);
    fill(fs, fd, size, (notFilled) => {
      fs.close(fd, () => {
        if (notFilled !== null) fs.unlink(path, () => done(notFilled));
        else syncDirectories(fs, [dirname(path)], done);
      });
    });
  });
}

function fill(fs: FileSystem, fd: number, size: number, done: Callback): void {
  let unsynced = 0;
  const next = (position: number) => {
    if (unsynced >= SYNC_EVERY || position >= size) {
      unsynced = 0;
      // The last one is a full sync: it makes the size durable whatever the file system calls data.
      const sync = position >= size ? fs.fsync : fs.fdatasync;
      sync(fd, (error) => {
        if (error !== null) done(error);
        else if (position >= size) done(null);
        else write(position);
      });
    } else {
      write(position);
    }
  };
  const write = (position: number) => {
    const zeros = size - position < ZEROS.length ? ZEROS.subarray(0, size - position) : ZEROS;
    fs.writev(fd, [zeros], position, (error, written) => {
      if (error !== null) return done(error);
      if (written === 0) return done(new Error('the write makes no progress'));
      unsynced += written;
      next(position + written);
    });
  };
  next(0);
}

/** Makes a directory and those missing above it, each durable in the one above. */
export function makeDirectories(fs: FileSystem, path: string, done: Callback): void {
  fs.mkdir(path, { recursive: true }, (error, first) => {
    if (error !== null) return done(error);
    const changed = [dirname(path)];
    // `first` is the topmost one that was made; nothing above its parent has changed.
    for (
      let made = path;
      first !== undefined && made !== first && made !== dirname(made);
      made = dirname(made)
    ) {
      changed.push(dirname(dirname(made)));
    }
    syncDirectories(fs, changed, done);
  });
}
