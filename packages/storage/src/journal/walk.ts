import type { Checksum, Checksums } from '@vireo/protocol';
import type { DiskReads } from '../disk.ts';
import { type Opened, opened, refusedToOpen } from '../errors.ts';
import { JOURNAL_BLOCK, JOURNAL_DATA_START } from './file-header.ts';
import type { FlushHead } from './flush-codec.ts';
import { type FoundFile, findFlushAfter, readFlushAt } from './flush-reader.ts';

/** A flush in the order of the chain. `head` null: lost, and `index` comes from its successor's copy. */
export interface WalkedFlush {
  readonly file: FoundFile;
  readonly position: number;
  readonly sequence: number;
  readonly checksum: Checksum;
  readonly previousSequence: number;
  readonly head: FlushHead | null;
  readonly index: Buffer;
  /** Whether something after it shows that it had been completed before the crash. */
  completed: boolean;
}

/** The chain as far as it reaches. */
export interface Walk {
  readonly flushes: WalkedFlush[];
  /** The file in which the chain ends, and where. */
  readonly file: FoundFile;
  readonly position: number;
}

/** Where the chain has come to. */
interface Link {
  sequence: number;
  checksum: Checksum;
}

/**
 * Follows the chain of flushes through `files` (in the order of their sequence, at least one), by heads alone.
 *
 * An unreadable place with no flush behind it is the end. With one behind it, it is damage: if just one flush
 * is missing, the copy of its index stands in; if more are, both copies of an index are gone and nobody knows
 * what was promised: `indexLost`.
 */
export function walkFlushes(
  disk: DiskReads,
  files: readonly FoundFile[],
  checksums: Checksums,
): Opened<Walk> {
  const flushes: WalkedFlush[] = [];
  const oldest = files[0]!.header;
  const link: Link = { sequence: oldest.previousSequence, checksum: oldest.previousChecksum };

  for (const [number, file] of files.entries()) {
    let position = JOURNAL_DATA_START;
    const next = files[number + 1];
    for (;;) {
      const head = readFlushAt(disk, file, position, checksums);
      if (head !== null && follows(head, link)) {
        accept(flushes, link, file, position, head);
        position += head.size;
        continue;
      }
      const behind = findFlushAfter(disk, file, position + JOURNAL_BLOCK, link.sequence, checksums);
      if (behind !== null) {
        if (behind.head.secondPreviousSequence !== link.sequence) return lost(file, position);
        replaceLost(flushes, link, file, position, behind.head);
        position = behind.position;
        continue;
      }
      if (next === undefined) {
        return opened({ flushes, file, position });
      }
      if (next.header.previousSequence !== link.sequence || next.header.previousChecksum !== link.checksum) {
        const first = readFlushAt(disk, next, JOURNAL_DATA_START, checksums);
        if (first === null || first.secondPreviousSequence !== link.sequence) return lost(file, position);
        replaceLost(flushes, link, file, position, first);
      }
      // The next file was begun only when the last flush before it was complete.
      const last = flushes.at(-1);
      if (last !== undefined) last.completed = true;
      break;
    }
  }
  throw new Error('unreachable: the last file ends the walk');
}

function follows(head: FlushHead, link: Link): boolean {
  return (
    head.previousSequence === link.sequence &&
    head.previousChecksum === link.checksum &&
    head.sequence > link.sequence
  );
}

function accept(
  flushes: WalkedFlush[],
  link: Link,
  file: FoundFile,
  position: number,
  head: FlushHead,
): void {
  const last = flushes.at(-1);
  // One flush is in flight at a time: a successor was begun only after this one was complete.
  if (last !== undefined) last.completed = true;
  flushes.push({
    file,
    position,
    sequence: head.sequence,
    checksum: head.checksum,
    previousSequence: head.previousSequence,
    head,
    index: head.index,
    completed: false,
  });
  link.sequence = head.sequence;
  link.checksum = head.checksum;
}

/** Puts the one missing flush before `successor` into the chain, from the successor's words about it. */
function replaceLost(
  flushes: WalkedFlush[],
  link: Link,
  file: FoundFile,
  position: number,
  successor: FlushHead,
): void {
  const last = flushes.at(-1);
  if (last !== undefined) last.completed = true;
  flushes.push({
    file,
    position,
    sequence: successor.previousSequence,
    checksum: successor.previousChecksum,
    previousSequence: successor.secondPreviousSequence,
    head: null,
    index: successor.previousIndex,
    completed: true,
  });
  link.sequence = successor.previousSequence;
  link.checksum = successor.previousChecksum;
}

function lost(file: FoundFile, position: number): Opened<never> {
  return refusedToOpen({
    code: 'indexLost',
    message:
      'flushes of the journal are damaged together with the copies of their index: what this node promised is not known any more',
    path: file.path,
    position,
  });
}
