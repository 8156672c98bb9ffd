import { decodePrepareHeader, PREPARE_HEADER_SIZE } from '@vireo/protocol';
import { type Disk, DiskError } from '../disk.ts';
import { type Opened, opened, refusedToOpen } from '../errors.ts';
import { follows, type KeepOp, type Place, readSegmentHeader, refuse, SCAN_BYTES } from './log-place.ts';
import type { PreparationStep } from './log-writer.ts';
import { endAfter, indexOp, Segment, segmentStart } from './segment.ts';
import {
  groupDirectory,
  indexPath,
  type SegmentHeader,
  segmentBaseOp,
  segmentPath,
} from './segment-header.ts';
import { decodeIndex, type IndexEntry, type LogEnd } from './sparse-index.ts';
import { walkBeyond } from './walk-beyond.ts';

/** What was found when a group's log was opened. */
export interface GroupLogReport {
  readonly outcome: 'empty' | 'present';
  readonly segments: number;
  /** Indexes that were missing, wrong or short, and were made again from the segment. */
  readonly indexesRebuilt: number;
  /** Ops beyond the checkpoint that were kept. */
  readonly keptOps: number;
  /** Bytes beyond the end that count no more: the journal has those ops, or they are not whole. */
  readonly cutBytes: number;
}

export interface OpenedLog {
  readonly segments: Segment[];
  /** Where the log ends at the checkpoint; null: op 0. */
  readonly checkpointEnd: LogEnd | null;
  /** To be done before the first write. */
  readonly steps: PreparationStep[];
  readonly report: GroupLogReport;
}

/**
 * Finds the segments of a log that ends at `checkpointOp`, or with `keep` where the unbroken chain beyond it ends.
 * Reads heads and indexes; segments only where an index does not reach, and all that is kept. Errors:
 * `otherCluster`, `otherGroup`, `newerFormat`, `unreadable` (an op up to the checkpoint is not there, or the way to
 * it is damaged).
 */
export function openLogFiles(place: Place, checkpointOp: number, keep: KeepOp | null): Opened<OpenedLog> {
  const { disk, group } = place;
  const segments: Segment[] = [];
  const ahead = new Set<Segment>();
  let indexesRebuilt = 0;
  const bases = basesOnDisk(disk, group);
  for (const [number, baseOp] of bases.entries()) {
    if (baseOp > checkpointOp) break;
    const path = segmentPath(group, baseOp);
    const size = disk.size(path) ?? 0;
    const header = readSegmentHeader(place, path, baseOp);
    if (!header.ok) return header;
    const previous = segments.at(-1);
    if (previous !== undefined && !follows(header.value, previous.end)) {
      return refuse('unreadable', path, 'the segment does not follow the one before it');
    }
    const lastOp = Math.min(checkpointOp, (bases[number + 1] ?? Number.POSITIVE_INFINITY) - 1);
    const found = findEnd(place, header.value, size, lastOp);
    if (!found.ok) return found;
    const { end, entries, rebuilt, isAhead } = found.value;
    if (rebuilt) indexesRebuilt += 1;
    const segment = new Segment(header.value, end, entries, { unsynced: false, indexStale: rebuilt });
    segments.push(segment);
    if (isAhead) ahead.add(segment);
  }
  const endOp = segments.at(-1)?.end.op ?? 0;
  if (endOp !== checkpointOp) {
    const path = groupDirectory(group);
    return refuse('unreadable', path, `the log ends at op ${endOp}, its checkpoint is at ${checkpointOp}`);
  }
  const checkpointEnd = segments.at(-1)?.end ?? null;
  const kept = keep === null ? opened(NOTHING_KEPT) : walkBeyond(place, segments, bases, keep);
  if (!kept.ok) return kept;
  const { steps, cutBytes } = cutBeyond(disk, group, bases, segments, ahead);
  const outcome = segments.length === 0 ? 'empty' : 'present';
  return opened({
    segments,
    checkpointEnd,
    steps: [...steps, ...kept.value.rewrites],
    report: { outcome, segments: segments.length, indexesRebuilt, keptOps: kept.value.ops, cutBytes },
  });
}

const NOTHING_KEPT = { ops: 0, rewrites: [] };

/**
 * What lies in the files beyond the end of each segment, and the files beyond the last one. An index that is `ahead` goes
 * before what it names: it never says more than its segment holds.
 */
function cutBeyond(
  disk: Disk,
  group: number,
  bases: readonly number[],
  segments: readonly Segment[],
  ahead: ReadonlySet<Segment>,
) {
  const steps: PreparationStep[] = [];
  let cutBytes = 0;
  for (const baseOp of bases) {
    const path = segmentPath(group, baseOp);
    const size = disk.size(path) ?? 0;
    const segment = segments.find(({ header }) => header.baseOp === baseOp);
    const end = segment?.end.position ?? 0;
    const isIndexOver = segment === undefined || (ahead.has(segment) && size > end);
    if (segment === undefined) steps.push({ type: 'remove', path });
    if (isIndexOver) steps.push({ type: 'remove', path: indexPath(group, baseOp) });
    if (segment !== undefined && size > end) steps.push({ type: 'truncate', path, size: end });
    cutBytes += Math.max(0, size - end);
  }
  return { steps, cutBytes };
}

function basesOnDisk(disk: Disk, group: number): number[] {
  try {
    return disk
      .list(groupDirectory(group))
      .map(segmentBaseOp)
      .filter((base) => base > 0)
      .sort((a, b) => a - b);
  } catch (error) {
    if (error instanceof DiskError && error.code === 'notFound') return [];
    throw error;
  }
}

interface FoundEnd extends Index {
  /** The index on disk is not the one for this end. */
  readonly rebuilt: boolean;
  /** It is one for a later end. */
  readonly isAhead: boolean;
}

/** Where the segment ends if `lastOp` is its last op: from the index as far as it reaches, then by headers. */
function findEnd(place: Place, header: SegmentHeader, size: number, lastOp: number): Opened<FoundEnd> {
  const index = readIndexFile(place, header);
  if (index !== null && index.end.op === lastOp && index.end.position <= size)
    return opened({ ...index, rebuilt: false, isAhead: false });
  const isAhead = index !== null && index.end.op > lastOp;
  const { from, entries } = nearest(header, index, size, lastOp);
  const walked = walk(place, header, size, from, entries, lastOp);
  return walked.ok ? opened({ ...walked.value, rebuilt: true, isAhead }) : walked;
}

/** As far as an index is of use for what ends with `lastOp`. */
function nearest(header: SegmentHeader, index: Index | null, size: number, lastOp: number) {
  if (index !== null && index.end.position <= size) {
    if (index.end.op < lastOp) return { from: index.end, entries: index.entries };
    // It reaches further than the checkpoint: from its last entry that does not.
    const entries = index.entries.filter(({ op }) => op <= lastOp);
    const last = entries.pop();
    if (last !== undefined) return { from: endBefore(last), entries };
  }
  return { from: segmentStart(header), entries: [] };
}

/** The end before the op of an entry; of its predecessor nothing more is known. */
function endBefore(entry: IndexEntry): LogEnd {
  const { op, offset, position } = entry;
  return { op: op - 1, offset, position, checksum: '', timestamp: 0 };
}

interface Index {
  readonly end: LogEnd;
  readonly entries: IndexEntry[];
}

function readIndexFile(place: Place, header: SegmentHeader): Index | null {
  const path = indexPath(header.group, header.baseOp);
  const size = place.disk.size(path);
  return size === null ? null : decodeIndex(place.disk.readSync(path, 0, size), header, place.checksums);
}

/** Follows the headers from `from` to `lastOp`, adding to `entries`. */
function walk(
  place: Place,
  header: SegmentHeader,
  size: number,
  from: LogEnd,
  entries: IndexEntry[],
  lastOp: number,
): Opened<Index> {
  const path = segmentPath(header.group, header.baseOp);
  let end = from;
  let buffer: Buffer = Buffer.alloc(0);
  let bufferAt = 0;
  while (end.op < lastOp) {
    if (end.position < bufferAt || end.position + PREPARE_HEADER_SIZE > bufferAt + buffer.length) {
      buffer = place.disk.readSync(path, end.position, Math.min(SCAN_BYTES, size - end.position));
      bufferAt = end.position;
    }
    const read = decodePrepareHeader(buffer.subarray(end.position - bufferAt), place.checksums);
    const problem = !read.ok
      ? read.error.message
      : read.value.group !== header.group || read.value.op !== end.op + 1
        ? `op ${read.value.op} of group ${read.value.group} lies in its place`
        : end.checksum !== '' && read.value.parent !== end.checksum
          ? 'it does not follow the op before it'
          : end.position + read.value.size > size
            ? 'the file ends inside it'
            : null;
    if (problem !== null || !read.ok) {
      const message = `op ${end.op + 1} cannot be read while the index is made again: ${problem}`;
      return refusedToOpen({ code: 'unreadable', path, message, position: end.position, op: end.op + 1 });
    }
    indexOp(entries, end, read.value);
    end = endAfter(end, read.value);
  }
  return opened({ end, entries });
}
