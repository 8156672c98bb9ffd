import type { Checksums, Prepare } from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { type Opened, opened, refusedToOpen, type StorageErrorCode } from '../errors.ts';
import { decodeSegmentHeader, SEGMENT_HEADER_SIZE, type SegmentHeader } from './segment-header.ts';
import type { LogEnd } from './sparse-index.ts';

/** Segments are read in pieces of this size while they are gone through. */
export const SCAN_BYTES = 1 << 20;

/** Where a log lies and whose it is, while it is opened. */
export interface Place {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly cluster: string;
  readonly group: number;
}

/** Is given each op beyond the checkpoint that is kept, verified and in order. */
export type KeepOp = (prepare: Prepare) => void;

export function readSegmentHeader(place: Place, path: string, baseOp: number): Opened<SegmentHeader> {
  const read = decodeSegmentHeader(place.disk.readSync(path, 0, SEGMENT_HEADER_SIZE), place.checksums);
  if (read.outcome === 'newer') {
    return refuse('newerFormat', path, `the segment has format ${read.version}; this program knows 1`);
  }
  if (read.outcome === 'invalid') return refuse('unreadable', path, 'the head of the segment is damaged');
  const { header } = read;
  if (header.cluster !== place.cluster) {
    return refuse('otherCluster', path, `the segment belongs to cluster ${header.cluster}`);
  }
  if (header.group !== place.group) {
    return refuse('otherGroup', path, `the segment belongs to group ${header.group}`);
  }
  if (header.baseOp !== baseOp) {
    return refuse('unreadable', path, `the segment begins with op ${header.baseOp}`);
  }
  return opened(header);
}

export function follows(header: SegmentHeader, end: LogEnd): boolean {
  return header.baseOp === end.op + 1 && header.baseOffset === end.offset && header.parent === end.checksum;
}

export function refuse(code: StorageErrorCode, path: string, message: string): Opened<never> {
  return refusedToOpen({ code, path, message });
}
