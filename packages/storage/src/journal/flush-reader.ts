import type { Checksums } from '@vireo/protocol';
import type { DiskReads } from '../disk.ts';
import { JOURNAL_BLOCK, type JournalFileHeader } from './file-header.ts';
import { decodeFlushHead, FLUSH_HEAD_FIXED, type FlushHead, flushHeadSize } from './flush-codec.ts';

/** A file of the journal as found at start. */
export interface FoundFile {
  readonly slot: number;
  readonly path: string;
  readonly header: JournalFileHeader;
}

/** Bytes read at once while looking for a flush behind a damaged one. */
const SCAN_BYTES = 1 << 20;

/** The flush at `position`, verified by its head alone; null when there is none. */
export function readFlushAt(
  disk: DiskReads,
  file: FoundFile,
  position: number,
  checksums: Checksums,
): FlushHead | null {
  const room = file.header.fileBytes - position;
  if (room < JOURNAL_BLOCK) return null;
  const block = disk.readSync(file.path, position, JOURNAL_BLOCK);
  const headSize = flushHeadSize(block, room);
  if (headSize === 0) return null;
  const bytes =
    headSize <= block.length ? block.subarray(0, headSize) : disk.readSync(file.path, position, headSize);
  if (bytes.length < headSize) return null;
  return decodeFlushHead(bytes, file.header, position, checksums);
}

/** A flush and where it lies. */
export interface LocatedFlush {
  readonly position: number;
  readonly head: FlushHead;
}

/**
 * The first flush after `from` in the file whose sequence is above `above`: what shows that an unreadable
 * place is damage and not the end. Reads to the end of the file.
 */
export function findFlushAfter(
  disk: DiskReads,
  file: FoundFile,
  from: number,
  above: number,
  checksums: Checksums,
): LocatedFlush | null {
  for (let at = from; at < file.header.fileBytes; at += SCAN_BYTES) {
    const length = Math.min(SCAN_BYTES, file.header.fileBytes - at);
    const bytes = disk.readSync(file.path, at, length);
    for (let block = 0; block + FLUSH_HEAD_FIXED <= bytes.length; block += JOURNAL_BLOCK) {
      const position = at + block;
      if (flushHeadSize(bytes.subarray(block), file.header.fileBytes - position) === 0) continue;
      const head = readFlushAt(disk, file, position, checksums);
      if (head !== null && head.sequence > above) return { position, head };
    }
  }
  return null;
}
