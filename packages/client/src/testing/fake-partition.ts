import { createHash } from 'node:crypto';
import {
  type Checksums,
  type ErrorCode,
  type Prepare,
  PrepareKind,
  type PrepareKindValue,
  type ProduceRequest,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { checksums as crc } from '../checksums.ts';

/** Any identity will do: clients do not look at it. */
export const checksums: Checksums = {
  ...crc,
  identity: (bytes) => createHash('sha256').update(bytes).digest('hex').slice(0, 32),
};

export interface Seen {
  readonly node: number;
  readonly group: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly sequence: number;
  readonly checksum: number;
  readonly count: number;
}

interface Lane {
  epoch: number;
  last: number;
}

/** One partition: its log, and what its primary knows of producers. */
export class FakePartition {
  readonly group: number;
  readonly partition: number;
  view = 0;
  lossEpoch = 0;
  primary: number;
  readonly log: Prepare[] = [];
  readonly #lanes = new Map<number, Lane>();
  readonly #stored = new Map<string, { baseOffset: number; op: number; count: number }>();

  constructor(group: number, partition: number, primary: number) {
    this.group = group;
    this.partition = partition;
    this.primary = primary;
  }

  get end(): number {
    const last = this.log.at(-1)?.header;
    return last === undefined ? 0 : last.baseOffset + last.count;
  }

  /** As a primary judges it: stored, a duplicate, or a gap. */
  append(
    request: ProduceRequest,
    seen: Seen,
  ): { baseOffset: number; op: number; count: number; duplicate: boolean } | ErrorCode {
    const key = `${seen.producerId}/${seen.producerEpoch}/${seen.sequence}`;
    const stored = this.#stored.get(key);
    if (stored) return { ...stored, duplicate: true };
    const lane = this.#lanes.get(seen.producerId);
    if (lane !== undefined && seen.producerEpoch < lane.epoch) return 'fenced';
    const next = lane === undefined || seen.producerEpoch > lane.epoch ? 0 : lane.last + 1;
    if (seen.sequence !== next) return 'sequenceGap';
    this.#lanes.set(seen.producerId, { epoch: seen.producerEpoch, last: seen.sequence });
    const result = { baseOffset: this.end, op: this.log.length + 1, count: seen.count };
    this.#stored.set(key, result);
    this.seal(Buffer.from(request.prepare), seen);
    return { ...result, duplicate: false };
  }

  seal(
    bytes: Buffer,
    seen: Pick<Seen, 'count' | 'producerId' | 'producerEpoch' | 'sequence'>,
    kind: PrepareKindValue = PrepareKind.batch,
  ): void {
    const fields = {
      group: this.group,
      op: this.log.length + 1,
      view: this.view,
      epoch: 0,
      parent: ZERO_CHECKSUM,
      kind,
      timestamp: 1_000,
      baseOffset: this.end,
      codec: 0,
    };
    this.log.push(sealPrepare(bytes, { ...fields, ...seen }, checksums));
  }
}
