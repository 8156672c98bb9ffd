import { type Checksum, type Checksums, type Prepare, ZERO_CHECKSUM } from '@vireo/protocol';
import type { Disk, DiskError } from '../disk.ts';
import { type Opened, opened, openingReads, type StorageError } from '../errors.ts';
import type { KeepOp } from './log-place.ts';
import { readFromDisk } from './log-reader.ts';
import { LogWriter } from './log-writer.ts';
import { type GroupLogReport, type OpenedLog, openLogFiles } from './open-log.ts';
import { Segment } from './segment.ts';
import { groupDirectory } from './segment-header.ts';
import { floorEntry, type LogEnd } from './sparse-index.ts';
import { Tail } from './tail.ts';

export interface GroupLogOptions {
  /** Cluster id, 32 hex digits. */
  readonly cluster: string;
  /** A segment is closed before it would grow beyond this. The same on every replica. */
  readonly segmentBytes: number;
  /** Memory for the last ops; those not yet written are kept beyond it. @default 4 MiB */
  readonly tailCacheBytes?: number;
  /** `flush` writes nothing while less than this waits. @default the smaller of 128 KiB and half the tail cache */
  readonly writeBytesMin?: number;
}

/** Whole prepares, back to back as stored. */
export interface LogChunk {
  readonly bytes: Buffer[];
  /** Offset of the first record in `bytes`: at or below the one asked for. */
  readonly firstOffset: number;
  /** Where to read on. */
  readonly nextOffset: number;
  /** `nextOffset` − `firstOffset`. */
  readonly records: number;
  readonly firstOp: number;
  readonly lastOp: number;
}

export type ReadOpsDone = (error: StorageError | null, prepares: Prepare[]) => void;
export type ReadChunkDone = (...answer: [StorageError, null] | [null, LogChunk]) => void;

const MEBIBYTE = 1 << 20;

/**
 * The committed log of one group: segment files, an index beside each, and the last ops in memory. Ops are
 * appended once they are committed and never taken back, so a segment is byte for byte the same on every
 * replica and what was read stays true.
 */
export class GroupLog {
  readonly group: number;
  readonly #disk: Disk;
  readonly #checksums: Checksums;
  readonly #cluster: string;
  readonly #segmentBytes: number;
  readonly #tailCacheBytes: number;
  readonly #segments: Segment[];
  readonly #tail: Tail;
  readonly #writer: LogWriter;
  /** Where the log ended at the checkpoint with which it was opened; null: there was none. */
  readonly openedAt: LogEnd | null;

  private constructor(
    disk: Disk,
    group: number,
    options: GroupLogOptions,
    checksums: Checksums,
    files: OpenedLog,
  ) {
    this.group = group;
    this.#disk = disk;
    this.#checksums = checksums;
    this.#cluster = options.cluster;
    this.#segmentBytes = options.segmentBytes;
    this.#tailCacheBytes = options.tailCacheBytes ?? 4 * MEBIBYTE;
    this.#segments = files.segments;
    this.openedAt = files.checkpointEnd;
    this.#tail = new Tail(this.endOp + 1);
    const writeBytesMin = options.writeBytesMin ?? Math.min(MEBIBYTE / 8, this.#tailCacheBytes / 2);
    const onWritten = () => this.#tail.evict(this.#writer.writtenOp, this.#tailCacheBytes);
    this.#writer = new LogWriter(
      disk,
      { group, checksums, writeBytesMin, steps: files.steps, onWritten },
      this.#segments,
      this.#tail,
      this.endOp,
    );
  }

  /**
   * Opens the log as it was at `checkpointOp` (0: nothing yet). Without `keep` what lies beyond counts no more: the
   * journal has it. With it, what lies beyond stays as far as the chain is whole, since segments hold committed ops
   * only; each of those ops is given to `keep` in order. Reads no data that the checkpoint covers, except where an
   * index is missing or wrong. `checkpointOp` must not lie below a checkpoint that the journal names: the ops
   * between are in the segments alone.
   *
   * Errors: `otherCluster`, `otherGroup`, `newerFormat`, `unreadable`.
   */
  static open(
    disk: Disk,
    group: number,
    options: GroupLogOptions,
    checksums: Checksums,
    checkpointOp: number,
    keep: KeepOp | null = null,
  ): Opened<{ readonly log: GroupLog; readonly report: GroupLogReport }> {
    const place = { disk, checksums, cluster: options.cluster, group };
    const files = openingReads(() => openLogFiles(place, checkpointOp, keep));
    if (!files.ok) return files;
    const log = new GroupLog(disk, group, options, checksums, files.value);
    return opened({ log, report: files.value.report });
  }

  /** Its files, in order; they grow at their end. */
  get segments(): readonly Segment[] {
    return this.#segments;
  }

  /** Where the last op ends; null: there is none. */
  get end(): LogEnd | null {
    return this.#segments.at(-1)?.end ?? null;
  }

  /** The last op; 0: none. */
  get endOp(): number {
    return this.#segments.at(-1)?.end.op ?? 0;
  }

  /** The offset that the next record gets. */
  get endOffset(): number {
    return this.#segments.at(-1)?.end.offset ?? 0;
  }

  /** The first offset that can be read. */
  get startOffset(): number {
    return this.#segments[0]?.header.baseOffset ?? 0;
  }

  /** Checksum of the last op: parent of the next. */
  get headChecksum(): Checksum {
    return this.#segments.at(-1)?.end.checksum ?? ZERO_CHECKSUM;
  }

  /** Timestamp of the last op, µs since 1970; 0: none. */
  get headTimestamp(): number {
    return this.#segments.at(-1)?.end.timestamp ?? 0;
  }

  /** Bytes appended and not yet written: they stay in memory. The caller slows down while this grows. */
  get pendingBytes(): number {
    return this.#writer.pendingBytes;
  }

  /** Memory held by the last ops, counted by backing store. */
  get tailBytes(): number {
    return this.#tail.bytes;
  }

  /** The error that ended writing, or null. Reads go on. */
  get failure(): DiskError | null {
    return this.#writer.failure;
  }

  /** The next op, once it is committed: op, group and parent are the caller's promise, so a breach is a bug. */
  append(prepare: Prepare): void {
    const { header } = prepare;
    if (header.op !== this.endOp + 1 || header.group !== this.group || header.parent !== this.headChecksum) {
      throw new Error(
        `op ${header.op} of group ${header.group} does not follow op ${this.endOp} of group ${this.group}`,
      );
    }
    this.#tail.push(prepare, this.endOffset);
    this.#segmentFor(prepare.bytes.length).append(header);
    this.#writer.appended(header.op, prepare.bytes.length);
  }

  #segmentFor(size: number): Segment {
    const last = this.#segments.at(-1);
    if (last?.takes(size, this.#segmentBytes)) return last;
    const header = {
      cluster: this.#cluster,
      group: this.group,
      baseOp: this.endOp + 1,
      baseOffset: this.endOffset,
      parent: this.headChecksum,
      parentTimestamp: this.headTimestamp,
    };
    const segment = new Segment(header, null, [], { unsynced: false, indexStale: false });
    this.#segments.push(segment);
    return segment;
  }

  /**
   * Files of these names were put in place from elsewhere, and are durable: verified segments of the same log that reach
   * further than this one. Everything appended so far must be durable (`sync`), and nothing under way.
   */
  extend(segments: readonly Segment[]): void {
    const byBase = new Map(this.#segments.map((segment) => [segment.header.baseOp, segment]));
    for (const segment of segments) byBase.set(segment.header.baseOp, segment);
    const all = [...byBase.values()].sort((a, b) => a.header.baseOp - b.header.baseOp);
    this.#segments.splice(0, this.#segments.length, ...all);
    this.#writer.replaced(segments, this.endOp);
    this.#tail.reset(this.endOp + 1);
  }

  /** Called once a turn: begins to write what waits, when it is worth a call. */
  flush(): void {
    this.#writer.work();
  }

  /**
   * Everything appended so far becomes durable, with its index. `done` may come before this call returns when
   * there is nothing to do.
   */
  sync(done: (error: StorageError | null) => void): void {
    this.#writer.sync(true, done);
  }

  /**
   * As `sync`, but the indexes stay as they are: they are made again from the segments when one is missing, and
   * would cost three calls on the disk beside the one that counts.
   */
  syncOps(done: (error: StorageError | null) => void): void {
    this.#writer.sync(false, done);
  }

  /**
   * Ops `first` to `last`, about `bytesMax` bytes (at least one op, at most 1 MiB from disk): possibly fewer, in
   * order without a hole. `done` comes before this call returns when memory has them. Errors: `outOfRange`,
   * `damaged`, `diskFailed`.
   */
  readOps(first: number, last: number, bytesMax: number, done: ReadOpsDone): void {
    const start = this.#segments[0]?.header.baseOp ?? 1;
    if (first < start || first > this.endOp || last < first) {
      done(this.#outOfRange(`ops ${first} to ${last} are not within ${start} to ${this.endOp}`), []);
      return;
    }
    const lastOp = Math.min(last, this.endOp);
    if (first >= this.#tail.firstOp) {
      done(null, this.#fromTail(first, lastOp, bytesMax));
      return;
    }
    const segment = this.#segmentBy('baseOp', first);
    const wants = ({ op }: { readonly op: number }) => op >= first;
    const near = floorEntry(segment.entries, 'op', first) ?? segment.entries[0]!;
    const range = { wants, lastOp: Math.min(lastOp, segment.written.op), bytesMax };
    readFromDisk(this.#disk, this.#checksums, { segment, ...near }, range, (error, read) =>
      done(error, read === null ? [] : [...read.prepares]),
    );
  }

  /**
   * Whole prepares as stored, beginning with the batch that holds `offset`; ops without records may stand
   * between. At `endOffset` the chunk is empty. `done` comes before this call returns when memory has them.
   * Errors: `outOfRange` (below `startOffset` or above `endOffset`), `damaged`, `diskFailed`.
   */
  readFrom(offset: number, bytesMax: number, done: ReadChunkDone): void {
    if (offset < this.startOffset || offset > this.endOffset) {
      const range = `${this.startOffset} to ${this.endOffset}`;
      done(this.#outOfRange(`offset ${offset} is not within ${range}`), null);
      return;
    }
    if (offset === this.endOffset) {
      const { endOp } = this;
      done(null, {
        bytes: [],
        firstOffset: offset,
        nextOffset: offset,
        records: 0,
        firstOp: endOp + 1,
        lastOp: endOp,
      });
      return;
    }
    const op = this.#tail.opOf(offset);
    if (op > 0) {
      const prepares = this.#fromTail(op, this.endOp, bytesMax);
      done(
        null,
        chunkOf(
          prepares,
          prepares.map(({ bytes }) => bytes),
        ),
      );
      return;
    }
    const segment = this.#segmentBy('baseOffset', offset);
    const near = floorEntry(segment.entries, 'offset', offset) ?? segment.entries[0]!;
    const wants = (header: Prepare['header']) =>
      header.count > 0 && header.baseOffset + header.count > offset;
    const range = { wants, lastOp: segment.written.op, bytesMax };
    readFromDisk(this.#disk, this.#checksums, { segment, ...near }, range, (error, read) => {
      if (error !== null) done(error, null);
      else done(null, chunkOf(read!.prepares, [read!.bytes]));
    });
  }

  #fromTail(first: number, last: number, bytesMax: number): Prepare[] {
    const prepares: Prepare[] = [];
    let bytes = 0;
    for (let op = first; op <= last; op++) {
      const prepare = this.#tail.at(op);
      bytes += prepare.bytes.length;
      if (bytes > bytesMax && prepares.length > 0) break;
      prepares.push(prepare);
    }
    return prepares;
  }

  /** The last segment of which the base is at most `value`. */
  #segmentBy(key: 'baseOp' | 'baseOffset', value: number): Segment {
    let low = 0;
    let high = this.#segments.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#segments[middle]!.header[key] <= value) low = middle;
      else high = middle;
    }
    return this.#segments[low]!;
  }

  #outOfRange(message: string): StorageError {
    return { code: 'outOfRange', message, path: groupDirectory(this.group) };
  }
}

/** The first prepare is a batch; offsets go by the batches, whatever stands between them. */
function chunkOf(prepares: readonly Prepare[], bytes: Buffer[]): LogChunk {
  const firstOffset = prepares[0]!.header.baseOffset;
  let nextOffset = firstOffset;
  for (const { header } of prepares) if (header.count > 0) nextOffset = header.baseOffset + header.count;
  return {
    bytes,
    firstOffset,
    nextOffset,
    records: nextOffset - firstOffset,
    firstOp: prepares[0]!.header.op,
    lastOp: prepares.at(-1)!.header.op,
  };
}
