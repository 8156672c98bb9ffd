import type { Checksums } from '@vireo/protocol';
import { DiskError, type DiskReads } from '../disk.ts';
import { type Opened, opened, refusedToOpen, type StorageErrorCode } from '../errors.ts';
import { decodeJournalFileHeader, JOURNAL_DATA_START } from './file-header.ts';
import type { FoundFile } from './flush-reader.ts';
import { JOURNAL_DIRECTORY, type JournalSettings } from './journal-options.ts';
import { journalPath, journalSlot, type RingFile } from './ring.ts';

/** The ring's files at start. */
export interface LoadedFiles {
  /** Files in use, in the order of their sequence: without a hole. */
  readonly found: readonly FoundFile[];
  /** Files that were made and never used. */
  readonly blank: readonly RingFile[];
}

/**
 * Reads the heads of all files. Absent directory: no files. A file whose making was cut off is left out, to be
 * made again. Refuses (`otherCluster`, `otherNode`, `newerFormat`, `unreadable`) rather than to start with less
 * than was there.
 */
export function loadFiles(
  disk: DiskReads,
  settings: JournalSettings,
  checksums: Checksums,
): Opened<LoadedFiles> {
  const found: FoundFile[] = [];
  const blank: RingFile[] = [];
  for (const slot of slotsOnDisk(disk)) {
    const path = journalPath(slot);
    const size = disk.size(path);
    if (size === null) continue;
    const read = decodeJournalFileHeader(disk.readSync(path, 0, JOURNAL_DATA_START), checksums);
    if (read.outcome === 'newer') {
      return refuse('newerFormat', path, `the journal has format ${read.version}; this program knows 1`);
    }
    if (read.outcome === 'blank' || (read.outcome === 'invalid' && size < JOURNAL_DATA_START)) {
      // Blank and of another size: its making was cut off, or the size was changed before it was used.
      if (size === settings.fileBytes) {
        blank.push({ slot, path, bytes: size, fileSequence: 0, groups: new Map() });
      }
      continue;
    }
    if (read.outcome === 'invalid') {
      return refuse('unreadable', path, 'both copies of the head of this journal file are damaged');
    }
    const { header } = read;
    if (header.cluster !== settings.cluster) {
      return refuse('otherCluster', path, `the journal belongs to cluster ${header.cluster}`);
    }
    if (header.node !== settings.node) {
      return refuse('otherNode', path, `the journal belongs to node ${header.node}`);
    }
    if (size < header.fileBytes) {
      return refuse('unreadable', path, `the file has ${size} bytes of ${header.fileBytes}`);
    }
    found.push({ slot, path, header });
  }
  found.sort((a, b) => a.header.fileSequence - b.header.fileSequence);
  for (const [number, file] of found.entries()) {
    const expected = found[0]!.header.fileSequence + number;
    if (file.header.fileSequence === expected) continue;
    return refuse('unreadable', file.path, `journal file number ${expected} is missing`);
  }
  return opened({ found, blank });
}

function slotsOnDisk(disk: DiskReads): number[] {
  try {
    return disk
      .list(JOURNAL_DIRECTORY)
      .map(journalSlot)
      .filter((slot) => slot > 0);
  } catch (error) {
    if (error instanceof DiskError && error.code === 'notFound') return [];
    throw error;
  }
}

function refuse(code: StorageErrorCode, path: string, message: string): Opened<never> {
  return refusedToOpen({ code, path, message });
}
