import {
  type Checksum,
  type Checksums,
  decodePrepareHeader,
  PREPARE_HEADER_SIZE,
  type Prepare,
  type PrepareHeader,
  prepareBody,
} from '@vireo/protocol';
import type { Disk } from '../disk.ts';
import { diskFailed, type StorageError } from '../errors.ts';
import type { Segment } from './segment.ts';

/** Bytes of one read from disk. */
const READ_BYTES_MIN = 64 * 1024;
const READ_BYTES_MAX = 1 << 20;

/** Where a read begins: at an op whose place is known. */
export interface ReadStart {
  readonly segment: Segment;
  readonly op: number;
  readonly position: number;
}

interface DiskRead {
  /** Whole and verified, without a hole; at least one. */
  readonly prepares: readonly Prepare[];
  /** The same bytes in one piece. */
  readonly bytes: Buffer;
}

export type DiskReadDone = (error: StorageError | null, read: DiskRead | null) => void;

/** Which ops a read is for: those before the first wanted one are passed over by their headers. */
export interface ReadRange {
  readonly wants: (header: PrepareHeader) => boolean;
  readonly lastOp: number;
  /** Stops before exceeding this, though never before the first op. */
  readonly bytesMax: number;
}

/** Reads ops of one segment, verifying header and body of what it hands out and the chain between them. */
export function readFromDisk(
  disk: Disk,
  checksums: Checksums,
  start: ReadStart,
  range: ReadRange,
  done: DiskReadDone,
): void {
  new RangeReader(disk, checksums, start, range, done).read(0);
}

class RangeReader {
  readonly #disk: Disk;
  readonly #checksums: Checksums;
  readonly #segment: Segment;
  readonly #range: ReadRange;
  readonly #done: DiskReadDone;
  #op: number;
  #position: number;
  /** Checksum of the op before, once known. */
  #parent: Checksum | null = null;

  constructor(disk: Disk, checksums: Checksums, start: ReadStart, range: ReadRange, done: DiskReadDone) {
    this.#disk = disk;
    this.#checksums = checksums;
    this.#segment = start.segment;
    this.#range = range;
    this.#done = done;
    this.#op = start.op;
    this.#position = start.position;
  }

  /** Reads on from where it stands; `need`: bytes that the next op is known to take. */
  read(need: number): void {
    const rest = this.#segment.written.position - this.#position;
    const wish = Math.min(READ_BYTES_MAX, Math.max(READ_BYTES_MIN, this.#range.bytesMax));
    const length = Math.min(rest, Math.max(need, wish));
    if (length <= 0 || length < need) {
      this.#damaged('the segment ends inside this op');
      return;
    }
    this.#disk.read(this.#segment.path, this.#position, length, (error, bytes) => {
      if (error !== null) this.#done(diskFailed(error), null);
      else this.#take(bytes, bytes.length < length);
    });
  }

  /** `cut`: the file ended before the read did. */
  #take(bytes: Buffer, cut: boolean): void {
    const prepares: Prepare[] = [];
    let from = 0;
    let at = 0;
    let need = 0;
    let problem: string | null = null;
    while (at < bytes.length && this.#op <= this.#range.lastOp) {
      const head = decodePrepareHeader(bytes.subarray(at), this.#checksums);
      if (!head.ok) {
        // A header cut off by the end of the read is no damage.
        if (bytes.length - at < PREPARE_HEADER_SIZE) need = PREPARE_HEADER_SIZE;
        else problem = head.error.message;
        break;
      }
      const header = head.value;
      problem = this.#misplaced(header);
      if (problem !== null) break;
      const collecting = prepares.length > 0 || this.#range.wants(header);
      const gathered = at - from + header.size;
      if (prepares.length > 0 && gathered > this.#range.bytesMax) break;
      if (collecting) {
        if (bytes.length - at < header.size) {
          need = header.size;
          break;
        }
        const prepare = { header, bytes: bytes.subarray(at, at + header.size) };
        if (this.#checksums.identity(prepareBody(prepare)) !== header.checksumBody) {
          problem = 'the checksum of its body does not match';
          break;
        }
        if (prepares.length === 0) from = at;
        prepares.push(prepare);
      }
      this.#op += 1;
      this.#parent = header.checksum;
      at += header.size;
    }
    this.#position += at;
    if (prepares.length > 0) this.#done(null, { prepares, bytes: bytes.subarray(from, at) });
    else if (problem !== null) this.#damaged(problem);
    else if (cut) this.#damaged('the file is shorter than what was written to it');
    else this.read(need);
  }

  #misplaced(header: PrepareHeader): string | null {
    if (header.group !== this.#segment.header.group) return `it belongs to group ${header.group}`;
    if (header.op !== this.#op) return `op ${header.op} lies in its place`;
    return this.#parent === null || header.parent === this.#parent
      ? null
      : 'it does not follow the op before it';
  }

  #damaged(message: string): void {
    const { path } = this.#segment;
    this.#done(
      {
        code: 'damaged',
        message: `op ${this.#op} of group ${this.#segment.header.group} is damaged: ${message}`,
        path,
        position: this.#position,
        op: this.#op,
      },
      null,
    );
  }
}
