import type { Checksums, PrepareHeader } from '@vireo/protocol';
import {
  encodeSegmentHeader,
  indexPath,
  SEGMENT_HEADER_SIZE,
  type SegmentHeader,
  segmentPath,
} from './segment-header.ts';
import { encodeIndex, INDEX_INTERVAL, type IndexEntry, type LogEnd } from './sparse-index.ts';

/** The end that comes after `header`, which begins at `end`. */
export function endAfter(end: LogEnd, header: PrepareHeader): LogEnd {
  const { count } = header;
  return {
    op: header.op,
    // Only batches carry offsets that mean something.
    offset: count === 0 ? end.offset : header.baseOffset + count,
    position: end.position + header.size,
    checksum: header.checksum,
    timestamp: header.timestamp,
  };
}

/** Adds an entry for the op at `end` when it is due. The rule looks at content only, like rolling. */
export function indexOp(entries: IndexEntry[], end: LogEnd, header: PrepareHeader): void {
  const last = entries.at(-1);
  if (last !== undefined && end.position - last.position < INDEX_INTERVAL) return;
  entries.push({ op: header.op, offset: end.offset, position: end.position, timestamp: header.timestamp });
}

/** One segment file as it stands in memory: where it begins, what was appended, what was written. */
export class Segment {
  readonly header: SegmentHeader;
  readonly path: string;
  readonly indexPath: string;
  readonly entries: IndexEntry[];
  /** After the last op appended. */
  end: LogEnd;
  /** After the last op that the disk has; what reads from disk may see. */
  written: LogEnd;
  /** The file is there. */
  created: boolean;
  /** Written since the last sync, or read and not known to be on stable storage. */
  unsynced: boolean;
  /** The index on disk is not that of `written`. */
  indexStale: boolean;

  /** `end` null: a segment that has no file yet. */
  constructor(
    header: SegmentHeader,
    end: LogEnd | null,
    entries: IndexEntry[],
    file: { readonly unsynced: boolean; readonly indexStale: boolean },
  ) {
    this.header = header;
    this.path = segmentPath(header.group, header.baseOp);
    this.indexPath = indexPath(header.group, header.baseOp);
    this.entries = entries;
    this.created = end !== null;
    this.end = end ?? segmentStart(header);
    this.written = this.end;
    this.unsynced = file.unsynced;
    this.indexStale = file.indexStale;
  }

  /** Whether an op of `size` bytes still belongs here: decided by content alone, the same on every replica. */
  takes(size: number, segmentBytes: number): boolean {
    return this.end.op < this.header.baseOp || this.end.position + size <= segmentBytes;
  }

  append(header: PrepareHeader): void {
    indexOp(this.entries, this.end, header);
    this.end = endAfter(this.end, header);
  }

  encodeHeader(checksums: Checksums): Buffer {
    return encodeSegmentHeader(this.header, checksums);
  }

  /** The index of what is written. */
  encodeIndex(checksums: Checksums): Buffer {
    return encodeIndex(this.header, this.written, this.entries, checksums);
  }
}

/** Where the first op of a segment goes. */
export function segmentStart(header: SegmentHeader): LogEnd {
  return {
    op: header.baseOp - 1,
    offset: header.baseOffset,
    position: SEGMENT_HEADER_SIZE,
    checksum: header.parent,
    timestamp: header.parentTimestamp,
  };
}
