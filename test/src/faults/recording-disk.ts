import {
  closeSync,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Disk, DiskCallback } from '@vireo/storage';
import { ForwardingDisk } from './forwarding-disk.ts';

/** One line of the record: a write with what it overwrote, writes that a sync has covered, or a rename. */
type Line =
  | {
      readonly id: number;
      readonly path: string;
      readonly position: number;
      readonly sizeBefore: number;
      readonly before: string;
      readonly length: number;
    }
  | { readonly synced: readonly number[] }
  | { readonly from: string; readonly to: string };

/**
 * Passes everything on to real files and keeps a record of what a completed sync has not covered yet, with the
 * bytes that stood there before. Killing the process leaves the page cache alone, so SIGKILL proves nothing about
 * fsync; `loseUnsynced` then does to the files what a power cut would have done.
 */
export class RecordingDisk extends ForwardingDisk {
  readonly #directory: string;
  readonly #record: number;
  /** Writes that no sync has covered: id → file. In the order of the calls. */
  readonly #open = new Map<number, string>();
  #nextId = 1;

  constructor(disk: Disk, directory: string, record: string) {
    super(disk);
    this.#directory = directory;
    this.#record = openSync(record, 'a');
  }

  override write(
    path: string,
    position: number,
    buffers: readonly Buffer[],
    durable: boolean,
    done: DiskCallback,
  ): void {
    const length = buffers.reduce((sum, buffer) => sum + buffer.length, 0);
    const id = this.#note(path, position, length);
    super.write(path, position, buffers, durable, (error) => {
      if (durable && error === null) this.#covered(path, id);
      done(error);
    });
  }

  override sync(path: string, done: DiskCallback): void {
    const last = this.#nextId - 1;
    super.sync(path, (error) => {
      if (error === null) this.#covered(path, last);
      done(error);
    });
  }

  override truncate(path: string, size: number, done: DiskCallback): void {
    const now = this.disk.size(path) ?? 0;
    this.#note(path, Math.min(size, now), Math.abs(now - size));
    super.truncate(path, size, done);
  }

  override rename(from: string, to: string, done: DiskCallback): void {
    super.rename(from, to, (error) => {
      if (error === null) {
        for (const [id, path] of this.#open) if (path === from) this.#open.set(id, to);
        this.#write({ from, to });
      }
      done(error);
    });
  }

  #note(path: string, position: number, length: number): number {
    const id = this.#nextId++;
    const file = openSync(join(this.#directory, path), 'r');
    const sizeBefore = fstatSync(file).size;
    const before = Buffer.alloc(Math.max(0, Math.min(length, sizeBefore - position)));
    readSync(file, before, 0, before.length, position);
    closeSync(file);
    this.#open.set(id, path);
    this.#write({ id, path, position, sizeBefore, before: before.toString('base64'), length });
    return id;
  }

  #covered(path: string, last: number): void {
    const synced: number[] = [];
    for (const [id, each] of this.#open) if (each === path && id <= last) synced.push(id);
    for (const id of synced) this.#open.delete(id);
    this.#write({ synced });
  }

  #write(line: Line): void {
    writeSync(this.#record, `${JSON.stringify(line)}\n`);
  }
}

/** What the power cut took. */
export interface Loss {
  readonly writes: number;
  readonly bytes: number;
  /** Bytes of the last write that stayed, in whole sectors; the rest of it is gone. */
  readonly tornAt: number | null;
}

const SECTOR = 512;

/** Undoes every write in `directory` that no completed sync had covered, and tears the last one. */
export function loseUnsynced(directory: string, record: string, random: () => number): Loss {
  const writes = new Map<number, Extract<Line, { id: number }>>();
  const lines = readFileSync(record, 'utf8').split('\n');
  // The process was killed: its last line may be cut short, and then the write had not begun.
  lines.pop();
  for (const text of lines) {
    const line = JSON.parse(text) as Line;
    if ('id' in line) writes.set(line.id, line);
    else if ('synced' in line) for (const id of line.synced) writes.delete(id);
    else
      for (const [id, write] of writes)
        if (write.path === line.from) writes.set(id, { ...write, path: line.to });
  }
  const lost = [...writes.values()].reverse();
  let bytes = 0;
  let tornAt: number | null = null;
  lost.forEach((write, index) => {
    const path = join(directory, write.path);
    if (!existsSync(path)) return;
    const file = openSync(path, 'r+');
    const sectors = Math.floor(write.length / SECTOR);
    const keep = index === 0 && sectors > 1 ? (1 + Math.floor(random() * (sectors - 1))) * SECTOR : 0;
    if (keep > 0) tornAt = keep;
    const before = Buffer.from(write.before, 'base64');
    if (before.length > keep) writeSync(file, before, keep, before.length - keep, write.position + keep);
    const size = Math.max(write.sizeBefore, keep > 0 ? write.position + keep : 0);
    if (fstatSync(file).size > size) ftruncateSync(file, size);
    closeSync(file);
    bytes += write.length - keep;
  });
  rmSync(record);
  return { writes: lost.length, bytes, tornAt };
}
