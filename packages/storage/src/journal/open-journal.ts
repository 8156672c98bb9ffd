import { type Checksum, type Checksums, ZERO_CHECKSUM } from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { type Opened, opened } from '../errors.ts';
import { encodeJournalFileHeader, JOURNAL_DATA_START, type JournalFileHeader } from './file-header.ts';
import { readFlushEntry } from './flush-codec.ts';
import { readIndex } from './flush-index.ts';
import type { FoundFile } from './flush-reader.ts';
import type { JournalItem, JournalSettings } from './journal-options.ts';
import { loadFiles } from './load-files.ts';
import { isWhole, type JournalDamage, replayFlushes } from './replay.ts';
import { JournalRing, type RingFile } from './ring.ts';
import { type Walk, type WalkedFlush, walkFlushes } from './walk.ts';

/** What was found when the journal was opened. */
export interface JournalReport {
  /** `empty`: no flush was ever completed here. */
  readonly outcome: 'empty' | 'present';
  readonly files: number;
  readonly flushes: number;
  /** Sequence of the last flush that counts; 0: none. */
  readonly lastSequence: number;
  /** A last flush that the crash cut off and that nobody was told of; it is dropped. */
  readonly torn: { readonly path: string; readonly position: number } | null;
  readonly damage: readonly JournalDamage[];
}

/** The last flush, as far as the next one must know it. */
export interface LastFlush {
  readonly sequence: number;
  readonly checksum: Checksum;
  readonly previousSequence: number;
  readonly index: Buffer;
}

const NO_LAST_FLUSH: LastFlush = {
  sequence: 0,
  checksum: ZERO_CHECKSUM,
  previousSequence: 0,
  index: Buffer.alloc(0),
};

/** Where writing goes on after opening. */
export interface JournalResume {
  readonly ring: JournalRing;
  /** The file in which the chain ends; null for a new journal. */
  readonly current: RingFile | null;
  readonly header: JournalFileHeader | null;
  readonly position: number;
  readonly last: LastFlush;
  /** The highest sequence seen, in a torn flush too: the next is above it. */
  readonly sequenceSeen: number;
  /** Written again at start: it was read from the file, which does not prove that it is on stable storage. */
  readonly rewrite: { readonly path: string; readonly position: number; readonly bytes: Buffer } | null;
}

export interface OpenedJournal {
  readonly resume: JournalResume;
  readonly items: JournalItem[];
  readonly report: JournalReport;
}

export function openJournalFiles(
  disk: Disk,
  settings: JournalSettings,
  checksums: Checksums,
): Opened<OpenedJournal> {
  const loaded = loadFiles(disk, settings, checksums);
  if (!loaded.ok) return loaded;
  const { found, blank } = loaded.value;
  if (found.length === 0) return opened(emptyJournal(disk, settings, blank));

  const walked = walkNeeded(disk, found, checksums);
  if (!walked.ok) return walked;
  const { flushes, file, position, torn } = walked.value;
  // A torn flush has used its number too, and the head of a file promises that none below its first is used.
  const sequenceSeen = Math.max(walked.value.sequenceSeen, file.header.firstSequence - 1);
  const last = flushes.at(-1);
  const releasedBelow = releasedBy(flushes);
  const needed = flushes.filter((flush) => flush.file.header.fileSequence >= releasedBelow);
  const replayed = replayFlushes(disk, needed, checksums);
  if (!replayed.ok) return replayed;

  const files = found.map(
    ({ slot, path, header }): RingFile => ({
      slot,
      path,
      bytes: header.fileBytes,
      fileSequence: header.fileSequence,
      groups: new Map(),
    }),
  );
  const ring = new JournalRing(disk, settings, [...files, ...blank]);
  for (const flush of needed) noteFlush(ring, files, flush);
  ring.release(releasedBelow);
  const current = files.at(-1)!;
  return opened({
    resume: {
      ring,
      current,
      header: file.header,
      position,
      last:
        last ??
        // The file follows one that is in use no more: there is no index left to copy.
        ({
          sequence: file.header.previousSequence,
          checksum: file.header.previousChecksum,
          previousSequence: 0,
          index: Buffer.alloc(0),
        } satisfies LastFlush),
      sequenceSeen,
      rewrite: toRewrite(disk, file, last, position, checksums),
    },
    items: replayed.value.items,
    report: {
      outcome: flushes.length === 0 ? 'empty' : 'present',
      files: found.length + blank.length,
      flushes: flushes.length,
      lastSequence: last?.sequence ?? 0,
      torn,
      damage: replayed.value.damage,
    },
  });
}

/** A chain whose end has been judged. */
interface JudgedWalk extends Walk {
  /** The last flush, when it was torn: it is not in `flushes`, and `position` is where it began. */
  readonly torn: JournalReport['torn'];
  /** The highest sequence, that of a torn flush included. */
  readonly sequenceSeen: number;
}

/**
 * Walks from the oldest file, or, if that is damaged beyond its indexes, from the first behind the damage:
 * then everything before it must be found to have been released.
 */
function walkNeeded(disk: Disk, found: readonly FoundFile[], checksums: Checksums): Opened<JudgedWalk> {
  const whole = walkFlushes(disk, found, checksums);
  if (whole.ok) return opened(judgeEnd(disk, whole.value, checksums));
  for (let from = 1; from < found.length; from++) {
    const rest = walkFlushes(disk, found.slice(from), checksums);
    if (!rest.ok) continue;
    const judged = judgeEnd(disk, rest.value, checksums);
    return releasedBy(judged.flushes) >= found[from]!.header.fileSequence ? opened(judged) : whole;
  }
  return whole;
}

/** Cuts the last flush if nothing shows that it was completed and it is not whole. */
function judgeEnd(disk: Disk, walk: Walk, checksums: Checksums): JudgedWalk {
  const tail = walk.flushes.at(-1);
  const sequenceSeen = tail?.sequence ?? 0;
  if (tail === undefined || tail.completed || isWhole(disk, tail, checksums)) {
    return { ...walk, torn: null, sequenceSeen };
  }
  const { position } = tail;
  const flushes = walk.flushes.slice(0, -1);
  return { ...walk, flushes, position, torn: { path: tail.file.path, position }, sequenceSeen };
}

/** The number below which files had been released. */
function releasedBy(flushes: readonly WalkedFlush[]): number {
  return flushes.reduce((below, { head }) => Math.max(below, head?.releasedBelow ?? 0), 0);
}

function emptyJournal(disk: Disk, settings: JournalSettings, blank: readonly RingFile[]): OpenedJournal {
  return {
    resume: {
      ring: new JournalRing(disk, settings, blank),
      current: null,
      header: null,
      position: 0,
      last: NO_LAST_FLUSH,
      sequenceSeen: 0,
      rewrite: null,
    },
    items: [],
    report: {
      outcome: 'empty',
      files: blank.length,
      flushes: 0,
      lastSequence: 0,
      torn: null,
      damage: [],
    },
  };
}

/**
 * What a crash of the process alone may have left readable and not durable: the last flush, or the head of a
 * file that has none yet. The head is made anew: one of its copies may still be that of an earlier use.
 */
function toRewrite(
  disk: Disk,
  file: FoundFile,
  last: WalkedFlush | undefined,
  position: number,
  checksums: Checksums,
): JournalResume['rewrite'] {
  const { path } = file;
  if (position === JOURNAL_DATA_START || last === undefined || last.head === null) {
    return { path, position: 0, bytes: encodeJournalFileHeader(file.header, checksums) };
  }
  return { path, position: last.position, bytes: disk.readSync(path, last.position, last.head.size) };
}

function noteFlush(ring: JournalRing, files: readonly RingFile[], flush: WalkedFlush): void {
  const file = files.find((candidate) => candidate.slot === flush.file.slot)!;
  if (flush.head === null) {
    for (const run of readIndex(flush.index) ?? []) ring.note(file, run.group, run.kind, run.last);
    return;
  }
  for (let number = 0; number < flush.head.entryCount; number++) {
    const entry = readFlushEntry(flush.head.table, number);
    ring.note(file, entry.group, entry.kind, entry.op);
  }
}
