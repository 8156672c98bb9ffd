import type { Checksum, Checksums } from '@vireo/protocol';
import type { DiskReads } from '../disk.ts';
import { decodeJournalFileHeader, JOURNAL_DATA_START } from '../journal/file-header.ts';
import { readFlushEntry } from '../journal/flush-codec.ts';
import { IndexRunKind } from '../journal/flush-index.ts';
import { JOURNAL_DIRECTORY, type JournalSettings, journalSettings } from '../journal/journal-options.ts';
import { loadFiles } from '../journal/load-files.ts';
import { journalPath, journalSlot } from '../journal/ring.ts';
import { type WalkedFlush, walkFlushes } from '../journal/walk.ts';

/** One prepare in a flush. */
export interface MappedPrepare {
  readonly group: number;
  readonly op: number;
  readonly checksum: Checksum;
  /** Of its header, in the file. */
  readonly position: number;
  readonly size: number;
}

/** One flush of the chain, in its order. */
export interface MappedFlush {
  readonly path: string;
  readonly position: number;
  /** Bytes, a multiple of 4 KiB; 0: the head is unreadable, a copy of its index is all that is left. */
  readonly size: number;
  /** Bytes of head, indexes and table, before the first prepare; 0 as above. */
  readonly headSize: number;
  readonly sequence: number;
  readonly prepares: readonly MappedPrepare[];
}

export interface JournalMap {
  /** Flushes in files that were not released, the oldest first. */
  readonly flushes: readonly MappedFlush[];
  /** Where the heads of the files in use lie: two copies each. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly dataStart: number }[];
}

/**
 * Where everything in a journal lies: for faults that damage a piece and must know which one. Bodies are not
 * verified. Null: there is none, or it cannot be followed and would be refused.
 */
export function mapJournal(disk: DiskReads, checksums: Checksums): JournalMap | null {
  const settings = settingsOf(disk, checksums);
  if (settings === null) return null;
  const loaded = loadFiles(disk, settings, checksums);
  if (!loaded.ok || loaded.value.found.length === 0) return null;
  const { found } = loaded.value;
  for (let from = 0; from < found.length; from++) {
    const walk = walkFlushes(disk, found.slice(from), checksums);
    if (!walk.ok) continue;
    const { flushes } = walk.value;
    const releasedBelow = flushes.reduce((below, { head }) => Math.max(below, head?.releasedBelow ?? 0), 0);
    if (from > 0 && releasedBelow < found[from]!.header.fileSequence) return null;
    const files = found.slice(from).filter(({ header }) => header.fileSequence >= releasedBelow);
    return {
      flushes: flushes
        .filter(({ file }) => file.header.fileSequence >= releasedBelow)
        .map((flush) => mapFlush(flush)),
      files: files.map(({ path, header }) => ({
        path,
        bytes: header.fileBytes,
        dataStart: JOURNAL_DATA_START,
      })),
    };
  }
  return null;
}

function mapFlush({ file, position, sequence, head }: WalkedFlush): MappedFlush {
  const prepares: MappedPrepare[] = [];
  let at = position + (head?.headSize ?? 0);
  for (let number = 0; head !== null && number < head.entryCount; number++) {
    const { kind, group, op, checksum, size } = readFlushEntry(head.table, number);
    if (kind !== IndexRunKind.prepares) continue;
    prepares.push({ group, op, checksum, position: at, size });
    at += size;
  }
  const { path } = file;
  return { path, position, size: head?.size ?? 0, headSize: head?.headSize ?? 0, sequence, prepares };
}

/** Cluster and node, as the first file that says so names them. */
function settingsOf(disk: DiskReads, checksums: Checksums): JournalSettings | null {
  for (const name of disk.list('').includes(JOURNAL_DIRECTORY) ? disk.list(JOURNAL_DIRECTORY) : []) {
    const path = journalPath(journalSlot(name));
    if (disk.size(path) === null) continue;
    const read = decodeJournalFileHeader(disk.readSync(path, 0, JOURNAL_DATA_START), checksums);
    if (read.outcome === 'valid') return journalSettings(read.header);
  }
  return null;
}
