import {
  type Checksums,
  decodePrepare,
  decodePrepareHeader,
  PREPARE_HEADER_SIZE,
  type Prepare,
  type PrepareHeader,
} from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { type Opened, opened, refusedToOpen, type StorageError } from '../errors.ts';
import { type FlushEntry, isSoundTable, readFlushEntry } from './flush-codec.ts';
import { IndexRunKind, readIndex } from './flush-index.ts';
import type { JournalItem } from './journal-options.ts';
import type { WalkedFlush } from './walk.ts';

/** A flush that was durable and is not whole any more. */
export interface JournalDamage {
  readonly path: string;
  readonly position: number;
  readonly sequence: number;
  /** Who says what is affected: the flush's own head, or the copy of its index in its successor. */
  readonly from: 'own' | 'successor';
  readonly faulty: readonly { readonly group: number; readonly firstOp: number; readonly lastOp: number }[];
}

/** Bytes of entries read at once. */
const READ_BYTES = 4 << 20;

/** Whether every entry of the flush is whole: asked of the last one, which a crash may have torn. */
export function isWhole(disk: Disk, flush: WalkedFlush, checksums: Checksums): boolean {
  const { head } = flush;
  if (head === null) return false;
  const reader = new EntryReader(disk, flush);
  for (let number = 0; number < head.entryCount; number++) {
    const entry = readFlushEntry(head.table, number);
    if (entry.kind !== IndexRunKind.prepares) continue;
    if (reader.next(entry, checksums).prepare === null) return false;
  }
  return true;
}

export interface Replayed {
  readonly items: JournalItem[];
  readonly damage: JournalDamage[];
}

/**
 * What the flushes hold, in order. Prepares at or below a group's last checkpoint are left out and not read:
 * they are durable in the group's segments.
 */
export function replayFlushes(
  disk: Disk,
  flushes: readonly WalkedFlush[],
  checksums: Checksums,
): Opened<Replayed> {
  const checkpoints = new Map<number, number>();
  for (const flush of flushes) {
    const runs = readIndex(flush.index);
    if (runs === null || (flush.head !== null && !isSoundTable(flush.head.table))) {
      return refusedToOpen(nonsense(flush));
    }
    for (const run of runs) {
      if (run.kind === IndexRunKind.checkpoint) checkpoints.set(run.group, run.last);
    }
  }
  const items: JournalItem[] = [];
  const damage: JournalDamage[] = [];
  for (const flush of flushes) {
    const error =
      flush.head === null
        ? replayLost(flush, checkpoints, items, damage)
        : replayOwn(disk, flush, checkpoints, checksums, items, damage);
    if (error !== null) return refusedToOpen(error);
  }
  return opened({ items, damage });
}

/** A lost flush: its promises stand, its prepares are faulty. */
function replayLost(
  flush: WalkedFlush,
  checkpoints: ReadonlyMap<number, number>,
  items: JournalItem[],
  damage: JournalDamage[],
): StorageError | null {
  const runs = readIndex(flush.index);
  if (runs === null) return nonsense(flush);
  const faulty: { group: number; firstOp: number; lastOp: number }[] = [];
  for (const run of runs) {
    const { group } = run;
    if (run.kind === IndexRunKind.state) items.push({ type: 'state', group, record: run.data });
    else if (run.kind === IndexRunKind.checkpoint) items.push({ type: 'checkpoint', group, op: run.last });
    else {
      const firstOp = Math.max(run.first, (checkpoints.get(group) ?? 0) + 1);
      if (firstOp > run.last) continue;
      faulty.push({ group, firstOp, lastOp: run.last });
      items.push({ type: 'faulty', group, firstOp, lastOp: run.last, lastChecksum: run.checksum });
    }
  }
  const { position, sequence } = flush;
  damage.push({ path: flush.file.path, position, sequence, from: 'successor', faulty });
  return null;
}

function replayOwn(
  disk: Disk,
  flush: WalkedFlush,
  checkpoints: ReadonlyMap<number, number>,
  checksums: Checksums,
  items: JournalItem[],
  damage: JournalDamage[],
): StorageError | null {
  const head = flush.head!;
  const faulty: { group: number; firstOp: number; lastOp: number }[] = [];
  const reader = new EntryReader(disk, flush);
  for (let number = 0; number < head.entryCount; number++) {
    const entry = readFlushEntry(head.table, number);
    const { group, op } = entry;
    if (group < 0 || op < 0) return nonsense(flush);
    if (entry.kind === IndexRunKind.state) {
      if (op + entry.size > head.index.length) return nonsense(flush);
      items.push({ type: 'state', group, record: head.index.subarray(op, op + entry.size) });
    } else if (entry.kind === IndexRunKind.checkpoint) {
      items.push({ type: 'checkpoint', group, op });
    } else if (op <= (checkpoints.get(group) ?? 0)) {
      reader.skip(entry);
    } else {
      const { prepare, header } = reader.next(entry, checksums);
      if (prepare !== null) {
        items.push({ type: 'prepare', group, prepare });
      } else {
        const ops = { group, firstOp: op, lastOp: op };
        faulty.push(ops);
        items.push({ type: 'faulty', ...ops, lastChecksum: entry.checksum, header });
      }
    }
  }
  if (faulty.length > 0) {
    const { position, sequence } = flush;
    damage.push({ path: flush.file.path, position, sequence, from: 'own', faulty });
  }
  return null;
}

function nonsense(flush: WalkedFlush): StorageError {
  return {
    code: 'unreadable',
    message: `flush ${flush.sequence} of the journal verifies and contradicts itself`,
    path: flush.file.path,
    position: flush.position,
  };
}

/** Reads a flush's prepares in order, several at a time: their slices pin no more than `READ_BYTES` each. */
class EntryReader {
  readonly #disk: Disk;
  readonly #flush: WalkedFlush;
  #at: number;
  readonly #end: number;
  #buffer: Buffer = Buffer.alloc(0);
  #bufferAt = 0;

  constructor(disk: Disk, flush: WalkedFlush) {
    const head = flush.head!;
    this.#disk = disk;
    this.#flush = flush;
    this.#at = flush.position + head.headSize;
    this.#end = flush.position + head.size;
  }

  skip(entry: FlushEntry): void {
    this.#at += entry.size;
  }

  /** The entry's prepare, verified as the table names it; when it is damaged, its header at least if that is whole. */
  next(entry: FlushEntry, checksums: Checksums): EntryRead {
    const position = this.#at;
    this.#at += entry.size;
    if (position + entry.size > this.#end) return NOTHING;
    if (position < this.#bufferAt || position + entry.size > this.#bufferAt + this.#buffer.length) {
      const length = Math.max(entry.size, Math.min(READ_BYTES, this.#end - position));
      this.#buffer = this.#disk.readSync(this.#flush.file.path, position, length);
      this.#bufferAt = position;
    }
    const from = position - this.#bufferAt;
    const bytes = this.#buffer.subarray(from, from + entry.size);
    const read = decodePrepareHeader(bytes, checksums);
    if (!read.ok || !isNamed(read.value, entry)) return NOTHING;
    const whole = decodePrepare(bytes, checksums, true);
    if (whole.ok) return { prepare: whole.value, header: whole.value.header };
    // A copy: of a damaged entry nothing but 128 bytes is worth keeping.
    const header = decodePrepareHeader(Buffer.from(bytes.subarray(0, PREPARE_HEADER_SIZE)), checksums);
    return { prepare: null, header: header.ok ? header.value : undefined };
  }
}

interface EntryRead {
  readonly prepare: Prepare | null;
  readonly header: PrepareHeader | undefined;
}

const NOTHING: EntryRead = { prepare: null, header: undefined };

function isNamed(header: PrepareHeader, entry: FlushEntry): boolean {
  return (
    header.size === entry.size &&
    header.checksum === entry.checksum &&
    header.group === entry.group &&
    header.op === entry.op
  );
}
