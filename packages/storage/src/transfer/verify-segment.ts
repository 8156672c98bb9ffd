import { decodePrepare, decodePrepareHeader, PREPARE_HEADER_SIZE } from '@vireo/protocol';
import type { StorageError } from '../errors.ts';
import { follows, type Place, SCAN_BYTES } from '../log/log-place.ts';
import { Segment, segmentStart } from '../log/segment.ts';
import { decodeSegmentHeader, SEGMENT_HEADER_SIZE } from '../log/segment-header.ts';
import type { LogEnd } from '../log/sparse-index.ts';
import type { ManifestSegment } from './manifest.ts';

type SegmentDone = (...answer: [StorageError, null] | [null, Segment]) => void;

/**
 * Goes through a staged segment op by op: header, body, and the chain from `previous` on. Chunks that match their leaves
 * prove only that these are the sender's bytes; whether they are the log does not depend on its disk. Gives the segment
 * with its index as it will stand in the log. Error: `unreadable`.
 */
export function verifySegment(
  place: Place,
  path: string,
  expected: ManifestSegment,
  previous: LogEnd | null,
  done: SegmentDone,
): void {
  new SegmentWalk(place, path, expected, previous, done).begin();
}

class SegmentWalk {
  readonly #place: Place;
  readonly #path: string;
  readonly #expected: ManifestSegment;
  readonly #previous: LogEnd | null;
  readonly #done: SegmentDone;

  constructor(
    place: Place,
    path: string,
    expected: ManifestSegment,
    previous: LogEnd | null,
    done: SegmentDone,
  ) {
    this.#place = place;
    this.#path = path;
    this.#expected = expected;
    this.#previous = previous;
    this.#done = done;
  }

  begin(): void {
    const { cluster, group, checksums } = this.#place;
    const { baseOp } = this.#expected;
    this.#read(0, SEGMENT_HEADER_SIZE, (bytes) => {
      const read = decodeSegmentHeader(bytes, checksums);
      if (read.outcome !== 'valid') {
        this.#refuse('its head is damaged', 0);
        return;
      }
      const { header } = read;
      if (header.cluster !== cluster || header.group !== group || header.baseOp !== baseOp)
        this.#refuse('its head is of another segment', 0);
      else if (this.#previous !== null && !follows(header, this.#previous))
        this.#refuse('it does not follow the segment before it', 0);
      else
        this.#walk(new Segment(header, segmentStart(header), [], { unsynced: false, indexStale: true }), 0);
    });
  }

  /** Reads on from the segment's end; `need`: bytes that the next op takes. */
  #walk(segment: Segment, need: number): void {
    const { size, endOp } = this.#expected;
    const { position, op } = segment.end;
    if (position === size) {
      if (op !== endOp) this.#refuse(`it ends with op ${op}`, position);
      else {
        segment.written = segment.end;
        this.#done(null, segment);
      }
      return;
    }
    this.#read(position, Math.min(Math.max(need, SCAN_BYTES), size - position), (bytes) => {
      const rest = this.#take(segment, bytes);
      if (rest !== null) this.#walk(segment, rest);
    });
  }

  /** Takes the whole ops of what was read; returns what the next one needs, or null when it was refused. */
  #take(segment: Segment, bytes: Buffer): number | null {
    const { checksums, group } = this.#place;
    let at = 0;
    while (at < bytes.length) {
      const { end } = segment;
      const left = this.#expected.size - end.position;
      if (left < PREPARE_HEADER_SIZE) return this.#refuse('bytes behind its last op', end.position);
      if (bytes.length - at < PREPARE_HEADER_SIZE) return PREPARE_HEADER_SIZE;
      const head = decodePrepareHeader(bytes.subarray(at), checksums);
      if (!head.ok) return this.#refuse(head.error.message, end.position);
      if (head.value.size > left) return this.#refuse('it ends inside an op', end.position);
      if (bytes.length - at < head.value.size) return head.value.size;
      const read = decodePrepare(bytes.subarray(at, at + head.value.size), checksums, true);
      if (!read.ok) return this.#refuse(read.error.message, end.position);
      const { header } = read.value;
      if (header.group !== group || header.op !== end.op + 1 || header.parent !== end.checksum)
        return this.#refuse(`op ${header.op} does not follow op ${end.op}`, end.position);
      segment.append(header);
      at += header.size;
    }
    return 0;
  }

  #read(position: number, length: number, then: (bytes: Buffer) => void): void {
    this.#place.disk.read(this.#path, position, length, (error, bytes) => {
      if (error !== null) this.#refuse(error.message, position);
      else if (bytes.length < length) this.#refuse('it is shorter than it was', position);
      else then(bytes);
    });
  }

  #refuse(message: string, position: number): null {
    this.#done(
      { code: 'unreadable', message: `a staged segment: ${message}`, path: this.#path, position },
      null,
    );
    return null;
  }
}
