import { type Checksums, decodePrepareHeader, PREPARE_HEADER_SIZE } from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { diskFailed, type StorageError } from '../errors.ts';
import type { GroupLog } from '../log/group-log.ts';
import type { Segment } from '../log/segment.ts';
import { groupDirectory } from '../log/segment-header.ts';
import { floorEntry, INDEX_INTERVAL } from '../log/sparse-index.ts';
import type { LeafCache } from './leaf-cache.ts';
import type { Manifest } from './manifest.ts';
import { stagedSegmentPath } from './staging.ts';

type Done = (error: StorageError | null) => void;

interface InstallPlace {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly log: GroupLog;
  readonly leaves: LeafCache;
}

/**
 * Renames verified segments into place, the lowest first, and lets the log go on from them. The own log is a beginning
 * of theirs, so a crash between two renames leaves what a start knows from any crash: the old checkpoint, and segments
 * that reach beyond it.
 */
export function installStaged(
  place: InstallPlace,
  manifest: Manifest,
  segments: readonly Segment[],
  done: Done,
): void {
  const { log } = place;
  const refuse = (message: string): void =>
    done({ code: 'outOfRange', message, path: groupDirectory(log.group), op: log.endOp });
  if (log.endOp >= manifest.op) {
    refuse(`the log reaches op ${log.endOp} already`);
    return;
  }
  const bases = new Set(manifest.segments.map(({ baseOp }) => baseOp));
  if (log.segments.some(({ header }) => !bases.has(header.baseOp))) {
    refuse('the log is cut into other segments');
    return;
  }
  leadsTo(place, segments, (leads) => {
    if (!leads) refuse(`op ${log.endOp} is another one there`);
    else rename(place, segments, 0, done);
  });
}

/** Whether the last op of the log is, as far as can be read, where it was in the segments that are to replace its own. */
function leadsTo(
  { disk, checksums, log }: InstallPlace,
  segments: readonly Segment[],
  done: (leads: boolean) => void,
): void {
  const { endOp, headChecksum } = log;
  const segment = segments.find(({ header, end }) => header.baseOp <= endOp && endOp <= end.op);
  if (segment === undefined) {
    // It ends a segment that is the same here and there; the next one was verified to follow it.
    done(true);
    return;
  }
  const near = floorEntry(segment.entries, 'op', endOp)!;
  const path = stagedSegmentPath(log.group, segment.header.baseOp);
  // Every op that begins further behind an entry has one of its own.
  disk.read(path, near.position, INDEX_INTERVAL + PREPARE_HEADER_SIZE, (error, bytes) => {
    let at = 0;
    while (error === null) {
      const head = decodePrepareHeader(bytes.subarray(at), checksums);
      if (!head.ok) break;
      if (head.value.op === endOp) {
        done(head.value.checksum === headChecksum);
        return;
      }
      at += head.value.size;
    }
    done(false);
  });
}

function rename(place: InstallPlace, segments: readonly Segment[], number: number, done: Done): void {
  const { disk, log, leaves } = place;
  const segment = segments[number];
  if (segment === undefined) {
    if (segments.length > 0) log.extend(segments);
    // The indexes of what was renamed.
    log.sync(done);
    return;
  }
  disk.rename(stagedSegmentPath(log.group, segment.header.baseOp), segment.path, (error) => {
    if (error !== null) {
      done(diskFailed(error));
      return;
    }
    leaves.forget(segment.path);
    rename(place, segments, number + 1, done);
  });
}
