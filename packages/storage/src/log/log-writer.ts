import type { Checksums } from '@vireo/protocol';
import type { Disk, DiskError } from '../disk.ts';
import { diskFailed, type StorageError } from '../errors.ts';
import { endAfter, type Segment } from './segment.ts';
import { groupDirectory } from './segment-header.ts';
import type { Tail } from './tail.ts';

/** One gathering write: bytes and ops at most. */
const WRITE_BYTES_MAX = 4 << 20;
const WRITE_OPS_MAX = 1000;

/** Bytes of one piece of what is written again. */
const REWRITE_BYTES = 1 << 20;

/** What must be done to the files before the first write: what opening has cut, then what it has kept. */
export type PreparationStep =
  | { readonly type: 'remove'; readonly path: string }
  | { readonly type: 'truncate'; readonly path: string; readonly size: number }
  /** The bytes from..to once more: they were there, and may be so in the memory of the kernel only. */
  | { readonly type: 'rewrite'; readonly path: string; readonly from: number; readonly to: number };

interface SyncWaiter {
  /** Done once everything up to this op is durable. */
  readonly op: number;
  /** The indexes too. */
  readonly indexes: boolean;
  readonly done: (error: StorageError | null) => void;
}

export interface LogWriterOptions {
  readonly group: number;
  readonly checksums: Checksums;
  /** Less than this is not written before a sync asks for it. */
  readonly writeBytesMin: number;
  readonly steps: readonly PreparationStep[];
  /** Called after each write: the tail may let go of what is written. */
  readonly onWritten: () => void;
}

/**
 * Write-behind of one log: what was appended goes from the tail into the segments, one call on the disk at a
 * time. A failure is final; what is in memory stays readable.
 */
export class LogWriter {
  readonly #disk: Disk;
  readonly #options: LogWriterOptions;
  readonly #segments: readonly Segment[];
  readonly #tail: Tail;
  #steps: readonly PreparationStep[];
  #directoryMade = false;
  #busy = false;
  #waiters: SyncWaiter[] = [];
  #failure: DiskError | null = null;
  /** Last op appended, last op on disk (readable, not yet durable). */
  #appendedOp: number;
  #writtenOp: number;
  #pendingBytes = 0;

  constructor(
    disk: Disk,
    options: LogWriterOptions,
    segments: readonly Segment[],
    tail: Tail,
    endOp: number,
  ) {
    this.#disk = disk;
    this.#options = options;
    this.#segments = segments;
    this.#tail = tail;
    this.#steps = options.steps;
    this.#appendedOp = endOp;
    this.#writtenOp = endOp;
  }

  get writtenOp(): number {
    return this.#writtenOp;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get failure(): DiskError | null {
    return this.#failure;
  }

  appended(op: number, bytes: number): void {
    this.#appendedOp = op;
    this.#pendingBytes += bytes;
  }

  /**
   * The files of these segments were replaced, and the log now ends with `endOp`, all of it written. What opening wanted
   * done to the replaced files is void: it would cut the new ones. Nothing may be under way.
   */
  replaced(segments: readonly Segment[], endOp: number): void {
    if (this.#busy || this.#pendingBytes > 0) throw new Error('a log is replaced while it is being written');
    const paths = new Set(segments.flatMap(({ path, indexPath }) => [path, indexPath]));
    this.#steps = this.#steps.filter(({ path }) => !paths.has(path));
    this.#appendedOp = endOp;
    this.#writtenOp = endOp;
  }

  sync(indexes: boolean, done: (error: StorageError | null) => void): void {
    this.#waiters.push({ op: this.#appendedOp, indexes, done });
    this.work();
  }

  /** Does the next thing due, if nothing is under way. */
  work(): void {
    if (this.#busy) return;
    if (this.#failure !== null) {
      this.#answer(this.#failure);
      return;
    }
    const wanted = this.#waiters.at(-1)?.op ?? 0;
    const pending = this.#writtenOp < this.#appendedOp;
    if (pending && (this.#writtenOp < wanted || this.#pendingBytes >= this.#options.writeBytesMin)) {
      this.#prepareAndWrite();
    } else if (this.#waiters.length > 0 && this.#steps.some(({ type }) => type === 'rewrite')) {
      this.#prepare(this.#steps[0] as PreparationStep);
    } else if (this.#waiters.length > 0) {
      this.#syncNext(this.#writtenOp);
    }
  }

  #prepareAndWrite(): void {
    const step = this.#steps[0];
    const segment = this.#segments.find(({ end }) => end.op > this.#writtenOp)!;
    if (step !== undefined) {
      this.#prepare(step);
    } else if (!this.#directoryMade) {
      this.#disk.makeDirectory(
        groupDirectory(this.#options.group),
        this.#after(() => {
          this.#directoryMade = true;
        }),
      );
    } else if (!segment.created) {
      this.#disk.create(
        segment.path,
        0,
        this.#after(() => {
          segment.created = true;
        }),
      );
    } else {
      this.#write(segment);
    }
  }

  #prepare(step: PreparationStep): void {
    const next = () => {
      this.#steps = this.#steps.slice(1);
    };
    if (step.type === 'remove') this.#disk.remove(step.path, this.#after(next));
    else if (step.type === 'truncate') this.#disk.truncate(step.path, step.size, this.#after(next));
    else {
      const { path, from, to } = step;
      const bytes = this.#disk.readSync(path, from, Math.min(REWRITE_BYTES, to - from));
      const rest: PreparationStep = { ...step, from: from + bytes.length };
      this.#disk.write(
        path,
        from,
        [bytes],
        false,
        this.#after(() => {
          const left = this.#steps.slice(1);
          this.#steps = rest.from < to ? [rest, ...left] : left;
        }),
      );
    }
  }

  #write(segment: Segment): void {
    let end = segment.written;
    let { position } = end;
    const buffers: Buffer[] = [];
    // A segment's head travels with its first ops.
    if (end.op < segment.header.baseOp) {
      buffers.push(segment.encodeHeader(this.#options.checksums));
      position = 0;
    }
    let bytes = 0;
    while (end.op < segment.end.op && buffers.length < WRITE_OPS_MAX && bytes < WRITE_BYTES_MAX) {
      const prepare = this.#tail.at(end.op + 1);
      buffers.push(prepare.bytes);
      bytes += prepare.bytes.length;
      end = endAfter(end, prepare.header);
    }
    this.#disk.write(
      segment.path,
      position,
      buffers,
      false,
      this.#after(() => {
        segment.written = end;
        segment.unsynced = true;
        segment.indexStale = true;
        this.#writtenOp = end.op;
        this.#pendingBytes -= bytes;
        this.#options.onWritten();
      }),
    );
  }

  /** Syncs the next segment that needs it, then writes the next index that is asked for; then answers. */
  #syncNext(op: number): void {
    const segment = this.#segments.find(({ unsynced }) => unsynced);
    if (segment !== undefined) {
      this.#busy = true;
      this.#disk.sync(
        segment.path,
        this.#step(() => {
          // Nothing was written meanwhile: one call at a time.
          segment.unsynced = false;
          this.#busy = false;
          this.#syncNext(op);
        }),
      );
      return;
    }
    const indexes = this.#waiters.some((waiter) => waiter.indexes && waiter.op <= op);
    const stale = indexes ? this.#segments.find(({ indexStale }) => indexStale) : undefined;
    if (stale !== undefined) {
      this.#writeIndex(stale, op);
      return;
    }
    const waiting = this.#waiters;
    this.#waiters = waiting.filter((waiter) => waiter.op > op);
    for (const waiter of waiting) if (waiter.op <= op) waiter.done(null);
    this.work();
  }

  /** A new file in place of the old one: a crash leaves one of them whole. */
  #writeIndex(segment: Segment, op: number): void {
    const index = segment.encodeIndex(this.#options.checksums);
    const fresh = `${segment.indexPath}.new`;
    this.#busy = true;
    const finish = this.#step(() => {
      segment.indexStale = false;
      this.#busy = false;
      this.#syncNext(op);
    });
    const rename = () => this.#disk.rename(fresh, segment.indexPath, finish);
    const write = () => this.#disk.write(fresh, 0, [index], true, this.#step(rename));
    this.#disk.create(fresh, 0, this.#step(write));
  }

  /** `action` if the call succeeded; the writer stays busy until the action says otherwise. */
  #step(action: () => void): (error: DiskError | null) => void {
    return (error) => {
      if (error === null) action();
      else this.#fail(error);
    };
  }

  /** Marks the writer busy until the call ends; then does `action` and what is due next. */
  #after(action: () => void): (error: DiskError | null) => void {
    this.#busy = true;
    return (error) => {
      this.#busy = false;
      if (error !== null) {
        this.#fail(error);
        return;
      }
      action();
      this.work();
    };
  }

  #fail(error: DiskError): void {
    this.#busy = false;
    this.#failure = error;
    this.#answer(error);
  }

  #answer(error: DiskError): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { done } of waiters) done(diskFailed(error));
  }
}
