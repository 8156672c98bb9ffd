import {
  type Checksum,
  type Checksums,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { plainChecksums } from './plain-checksums.ts';

/** A seeded stream of numbers (mulberry32): the same seed gives the same run. */
export class SeededRandom {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  u32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /** An integer from 0 to `bound` − 1. */
  readonly below = (bound: number): number => this.u32() % bound;
}

/** Makes the ops of one group, one after the other, each with its predecessor's checksum as parent. */
export class PrepareChain {
  readonly group: number;
  readonly #checksums: Checksums;
  op = 0;
  /** The offset that the next record gets. */
  offset = 0;
  checksum: Checksum = ZERO_CHECKSUM;
  /** µs; moves by 1,000 an op. */
  timestamp = 1_000_000;

  constructor(group: number, checksums: Checksums = plainChecksums) {
    this.group = group;
    this.#checksums = checksums;
  }

  /** A batch with `count` records and a body of `bodySize` bytes that no other op has. */
  batch(bodySize: number, count = 1): Prepare {
    const prepare = this.#seal(bodySize, PrepareKind.batch, count);
    this.offset += count;
    return prepare;
  }

  noop(): Prepare {
    return this.#seal(0, PrepareKind.noop, 0);
  }

  #seal(bodySize: number, kind: 1 | 2, count: number): Prepare {
    this.op += 1;
    this.timestamp += 1000;
    const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + bodySize, (this.op * 37 + this.group) & 0xff);
    if (bodySize >= 8) bytes.writeUInt32LE(this.op, PREPARE_HEADER_SIZE);
    const prepare = sealPrepare(
      bytes,
      {
        group: this.group,
        op: this.op,
        view: 0,
        epoch: 0,
        parent: this.checksum,
        kind,
        timestamp: this.timestamp,
        baseOffset: this.offset,
        count,
        producerId: 0,
        producerEpoch: 0,
        sequence: 0,
        codec: 0,
      },
      this.#checksums,
    );
    this.checksum = prepare.header.checksum;
    return prepare;
  }
}
