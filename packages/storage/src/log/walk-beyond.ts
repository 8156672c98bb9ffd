import { decodePrepare, decodePrepareHeader, PREPARE_HEADER_SIZE, ZERO_CHECKSUM } from '@vireo/protocol';
import { type Opened, opened } from '../errors.ts';
import { follows, type KeepOp, type Place, readSegmentHeader, SCAN_BYTES } from './log-place.ts';
import type { PreparationStep } from './log-writer.ts';
import { endAfter, Segment, segmentStart } from './segment.ts';
import { SEGMENT_HEADER_SIZE, segmentPath } from './segment-header.ts';
import type { LogEnd } from './sparse-index.ts';

/**
 * Follows the log beyond its checkpoint as long as each op is whole and follows the one before it, and extends
 * `segments` by it. Where the chain breaks a write was torn, or the bytes were damaged: either way nothing behind
 * it can be trusted, and the group's other replicas have it.
 *
 * Returns how many ops stay, and what to write again: it was read from the file, which does not prove that it is on
 * stable storage. After a sync that failed the kernel shows what the disk does not have, and syncs it no more.
 * Errors: those of a segment's head that say the file is not ours to touch.
 */
export function walkBeyond(
  place: Place,
  segments: Segment[],
  bases: readonly number[],
  keep: KeepOp,
): Opened<{ readonly ops: number; readonly rewrites: readonly PreparationStep[] }> {
  let ops = 0;
  const rewrites: PreparationStep[] = [];
  const last = segments.at(-1);
  if (last !== undefined) {
    const from = last.end.position;
    const walked = walkSegment(place, last, keep);
    ops += walked.ops;
    if (walked.ops > 0) rewrites.push({ type: 'rewrite', path: last.path, from, to: last.end.position });
    if (!walked.whole) return opened({ ops, rewrites });
  }
  for (const baseOp of bases) {
    const previous = segments.at(-1);
    if (baseOp <= (previous?.header.baseOp ?? 0)) continue;
    const path = segmentPath(place.group, baseOp);
    const header = readSegmentHeader(place, path, baseOp);
    if (!header.ok) {
      // A head that was never written whole; any other refusal is of a file that is not this program's to cut.
      if (header.error.code !== 'unreadable') return header;
      break;
    }
    const end = previous?.end ?? EMPTY_END;
    if (!follows(header.value, end)) break;
    const segment = new Segment(header.value, segmentStart(header.value), [], {
      unsynced: true,
      indexStale: true,
    });
    const walked = walkSegment(place, segment, keep);
    ops += walked.ops;
    // A segment without an op is made again by the op that begins it.
    if (walked.ops > 0) {
      segments.push(segment);
      rewrites.push({ type: 'rewrite', path, from: 0, to: segment.end.position });
    }
    if (!walked.whole) break;
  }
  return opened({ ops, rewrites });
}

/** Before op 1. */
const EMPTY_END: LogEnd = { op: 0, offset: 0, position: 0, checksum: ZERO_CHECKSUM, timestamp: 0 };

/** `whole`: the file ends where its last op does. */
function walkSegment(
  place: Place,
  segment: Segment,
  keep: KeepOp,
): { readonly ops: number; readonly whole: boolean } {
  const { disk, checksums, group } = place;
  const size = disk.size(segment.path) ?? SEGMENT_HEADER_SIZE;
  let ops = 0;
  let buffer: Buffer = Buffer.alloc(0);
  let bufferAt = 0;
  /** `length` bytes at `position`, from what was read in advance; fewer at the end of the file. */
  const bytesAt = (position: number, length: number): Buffer => {
    if (position < bufferAt || position + length > bufferAt + buffer.length) {
      buffer = disk.readSync(segment.path, position, Math.min(Math.max(length, SCAN_BYTES), size - position));
      bufferAt = position;
    }
    return buffer.subarray(position - bufferAt, position - bufferAt + length);
  };
  while (segment.end.position < size) {
    const { end } = segment;
    const head = decodePrepareHeader(bytesAt(end.position, PREPARE_HEADER_SIZE), checksums);
    if (!head.ok || end.position + head.value.size > size) break;
    const read = decodePrepare(bytesAt(end.position, head.value.size), checksums, true);
    if (!read.ok) break;
    const prepare = read.value;
    const { op, parent, group: owner } = prepare.header;
    if (owner !== group || op !== end.op + 1 || parent !== end.checksum) break;
    segment.append(prepare.header);
    segment.written = endAfter(end, prepare.header);
    segment.unsynced = true;
    segment.indexStale = true;
    ops += 1;
    keep(prepare);
  }
  return { ops, whole: segment.end.position === size };
}
