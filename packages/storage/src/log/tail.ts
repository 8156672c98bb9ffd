import type { Prepare } from '@vireo/protocol';

/** Forgotten places in front are given back once there are this many. */
const COMPACT_FROM = 256;

/**
 * The last ops of a log, in memory. Bytes are counted by backing store: a prepare that is a slice of a network
 * read keeps the whole read alive, and neighbours from the same read share it.
 */
export class Tail {
  #prepares: (Prepare | undefined)[] = [];
  /** By op: the log's end offset before it. */
  #offsets: number[] = [];
  /** Places in front that are forgotten. */
  #start = 0;
  #bytes = 0;
  #firstOp: number;

  constructor(nextOp: number) {
    this.#firstOp = nextOp;
  }

  /** Forgets all: the log goes on with `nextOp`. */
  reset(nextOp: number): void {
    this.#prepares = [];
    this.#offsets = [];
    this.#start = 0;
    this.#bytes = 0;
    this.#firstOp = nextOp;
  }

  /** The oldest op held; the next one to come when empty. */
  get firstOp(): number {
    return this.#firstOp;
  }

  get length(): number {
    return this.#prepares.length - this.#start;
  }

  get bytes(): number {
    return this.#bytes;
  }

  push(prepare: Prepare, offset: number): void {
    const last = this.#prepares.at(-1);
    if (this.length === 0 || last?.bytes.buffer !== prepare.bytes.buffer) {
      this.#bytes += prepare.bytes.buffer.byteLength;
    }
    this.#prepares.push(prepare);
    this.#offsets.push(offset);
  }

  /** The op, which must be held. */
  at(op: number): Prepare {
    return this.#prepares[this.#start + op - this.#firstOp]!;
  }

  /** The end offset before the op, which must be held. */
  offsetBefore(op: number): number {
    return this.#offsets[this.#start + op - this.#firstOp]!;
  }

  /** The op that holds the record at `offset`, which must be below the log's end; 0: an older one than held. */
  opOf(offset: number): number {
    if (this.length === 0 || this.#offsets[this.#start]! > offset) return 0;
    let low = this.#start;
    let high = this.#prepares.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#offsets[middle]! <= offset) low = middle;
      else high = middle;
    }
    return this.#firstOp + low - this.#start;
  }

  /** Forgets the oldest ops, up to `lastOp` at most, until no more than `bytesMax` are held. */
  evict(lastOp: number, bytesMax: number): void {
    while (this.#bytes > bytesMax && this.length > 0 && this.#firstOp <= lastOp) {
      const { buffer } = this.#prepares[this.#start]!.bytes;
      const next = this.#prepares[this.#start + 1];
      if (next?.bytes.buffer !== buffer) this.#bytes -= buffer.byteLength;
      // Left where it is it would stay alive until the array is compacted.
      this.#prepares[this.#start] = undefined;
      this.#start += 1;
      this.#firstOp += 1;
    }
    if (this.#start < COMPACT_FROM || this.#start * 2 < this.#prepares.length) return;
    this.#prepares = this.#prepares.slice(this.#start);
    this.#offsets = this.#offsets.slice(this.#start);
    this.#start = 0;
  }
}
