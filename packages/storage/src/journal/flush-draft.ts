import { type Checksum, type Checksums, ZERO_CHECKSUM } from '@vireo/protocol';
import { JOURNAL_BLOCK } from './file-header.ts';
import {
  FLUSH_ENTRY_SIZE,
  FLUSH_HEAD_FIXED,
  type FlushHeadFields,
  writeFlushEntry,
  writeFlushHead,
} from './flush-codec.ts';
import { INDEX_RUN_SIZE, IndexRunKind, indexRunBytes, writeIndexRun } from './flush-index.ts';
import type { JournalWrite } from './journal-options.ts';

/** Padding of every flush: one shared block of zeros, never written. */
const PADDING = Buffer.alloc(JOURNAL_BLOCK);
const EMPTY = Buffer.alloc(0);

/** A run while it is gathered: `last` and `checksum` move. */
interface OpenRun {
  kind: 1 | 2 | 3;
  group: number;
  first: number;
  last: number;
  checksum: Checksum;
  data: Buffer;
}

/** Upper bound of what the write adds to the index of a flush, bytes. */
export function writeIndexBytes(write: JournalWrite): number {
  let bytes = write.prepares.length * INDEX_RUN_SIZE;
  if (write.state) bytes += indexRunBytes(write.state.length);
  if (typeof write.checkpoint === 'number') bytes += INDEX_RUN_SIZE;
  return bytes;
}

/** Upper bound of what the write adds to a flush in all, bytes. */
export function writeFlushBytes(write: JournalWrite): number {
  let bytes = writeIndexBytes(write) + FLUSH_ENTRY_SIZE * (write.prepares.length + 2);
  for (const prepare of write.prepares) bytes += prepare.bytes.length;
  return bytes;
}

/** Size on disk of a flush whose head and entries come to `bytes`. */
function padded(bytes: number): number {
  return Math.ceil(bytes / JOURNAL_BLOCK) * JOURNAL_BLOCK;
}

/** The bytes of one flush, ready for one gathering write. */
export interface EncodedFlush {
  readonly buffers: readonly Buffer[];
  readonly size: number;
  readonly checksum: Checksum;
  /** This flush's index, for the copy in the next. */
  readonly index: Buffer;
}

/** Gathers writes for one flush, within the bounds it was given. */
export class FlushDraft {
  readonly #writes: { group: number; write: JournalWrite }[] = [];
  readonly #runs: OpenRun[] = [];
  /** The prepare run of each group that its next prepare may extend. */
  readonly #open = new Map<number, OpenRun>();
  readonly #previousIndex: Buffer;
  /** Upper bounds, without padding. */
  #bytes: number;
  #indexBytes = 0;
  #entryCount = 0;

  constructor(previousIndex: Buffer) {
    this.#previousIndex = previousIndex;
    this.#bytes = FLUSH_HEAD_FIXED + previousIndex.length;
  }

  get empty(): boolean {
    return this.#writes.length === 0;
  }

  /** Bytes on disk if nothing more is added; an upper bound. */
  get size(): number {
    return padded(this.#bytes);
  }

  /** Whether the write can join: `room` binds always, the other bounds only once something is in. */
  accepts(write: JournalWrite, room: number, bytesMax: number, indexBytesMax: number): boolean {
    const bytes = padded(this.#bytes + writeFlushBytes(write));
    if (bytes > room) return false;
    if (this.empty) return true;
    return bytes <= bytesMax && this.#indexBytes + writeIndexBytes(write) <= indexBytesMax;
  }

  add(group: number, write: JournalWrite): void {
    this.#writes.push({ group, write });
    this.#bytes += writeFlushBytes(write);
    this.#indexBytes += writeIndexBytes(write);
    for (const { header } of write.prepares) {
      this.#entryCount += 1;
      const run = this.#open.get(group);
      if (run !== undefined && header.op === run.last + 1) {
        run.last = header.op;
        run.checksum = header.checksum;
      } else {
        this.#open.set(
          group,
          this.#push(IndexRunKind.prepares, group, header.op, header.op, header.checksum, EMPTY),
        );
      }
    }
    if (write.state) {
      this.#close(group);
      this.#push(IndexRunKind.state, group, 0, 0, ZERO_CHECKSUM, write.state);
    }
    if (typeof write.checkpoint === 'number') {
      this.#close(group);
      this.#push(IndexRunKind.checkpoint, group, write.checkpoint, write.checkpoint, ZERO_CHECKSUM, EMPTY);
    }
  }

  /** What follows must not join a run before it: the order within a group is what replay goes by. */
  #close(group: number): void {
    this.#entryCount += 1;
    this.#open.delete(group);
  }

  #push(
    kind: 1 | 2 | 3,
    group: number,
    first: number,
    last: number,
    checksum: Checksum,
    data: Buffer,
  ): OpenRun {
    const run: OpenRun = { kind, group, first, last, checksum, data };
    this.#runs.push(run);
    return run;
  }

  /** One allocation for head, index and table; the prepares are handed on as they are. */
  encode(
    place: Omit<FlushHeadFields, 'size' | 'entryCount' | 'indexSize' | 'previousIndexSize'>,
    salt: Checksum,
    checksums: Checksums,
  ): EncodedFlush {
    let indexSize = 0;
    for (const run of this.#runs) indexSize += indexRunBytes(run.data.length);
    const tableAt = FLUSH_HEAD_FIXED + indexSize + this.#previousIndex.length;
    const head = Buffer.alloc(tableAt + this.#entryCount * FLUSH_ENTRY_SIZE);
    const stateAt = this.#writeIndex(head);
    this.#previousIndex.copy(head, FLUSH_HEAD_FIXED + indexSize);
    const buffers: Buffer[] = [head];
    let bytes = head.length;
    let at = tableAt;
    let state = 0;
    for (const { group, write } of this.#writes) {
      for (const prepare of write.prepares) {
        const { header } = prepare;
        writeFlushEntry(head, at, {
          kind: IndexRunKind.prepares,
          group,
          op: header.op,
          size: prepare.bytes.length,
          checksum: header.checksum,
        });
        at += FLUSH_ENTRY_SIZE;
        buffers.push(prepare.bytes);
        bytes += prepare.bytes.length;
      }
      if (write.state) {
        const entry = { kind: IndexRunKind.state, group, op: stateAt[state]!, size: write.state.length };
        writeFlushEntry(head, at, { ...entry, checksum: ZERO_CHECKSUM });
        at += FLUSH_ENTRY_SIZE;
        state += 1;
      }
      if (typeof write.checkpoint === 'number') {
        const entry = { kind: IndexRunKind.checkpoint, group, op: write.checkpoint, size: 0 };
        writeFlushEntry(head, at, { ...entry, checksum: ZERO_CHECKSUM });
        at += FLUSH_ENTRY_SIZE;
      }
    }
    const size = padded(bytes);
    if (size > bytes) buffers.push(PADDING.subarray(0, size - bytes));
    const fields: FlushHeadFields = {
      ...place,
      size,
      entryCount: this.#entryCount,
      indexSize,
      previousIndexSize: this.#previousIndex.length,
    };
    const checksum = writeFlushHead(head, fields, salt, checksums);
    const index = head.subarray(FLUSH_HEAD_FIXED, FLUSH_HEAD_FIXED + indexSize);
    return { buffers, size, checksum, index };
  }

  /** Writes the runs; answers where in the index each state record's bytes begin. */
  #writeIndex(head: Buffer): number[] {
    const stateAt: number[] = [];
    let position = FLUSH_HEAD_FIXED;
    for (const run of this.#runs) {
      if (run.kind === IndexRunKind.state) stateAt.push(position - FLUSH_HEAD_FIXED + INDEX_RUN_SIZE);
      position = writeIndexRun(head, position, run);
    }
    return stateAt;
  }
}
