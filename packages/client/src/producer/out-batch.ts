import type { VireoError } from '@vireo/protocol';
import type { Connection } from '../connection.ts';
import type { BatchAck } from './ack.ts';

/** Who is told what became of records: one object per call, however many records it sent. */
export interface Waiter {
  /** `count` records of the batch from `index` on are stored. */
  acked(ack: BatchAck, index: number, count: number): void;
  /** They are not, or nobody knows: `error.outcome`. */
  failed(error: VireoError, count: number): void;
}

/** Neighbouring records of a batch that belong to the same call. */
interface Run {
  readonly waiter: Waiter;
  readonly index: number;
  count: number;
  /** The caller has stopped waiting and was told so. */
  gone: boolean;
}

/** One batch on its way: its records' callers, what it holds of the budget, its attempts. */
export class OutBatch {
  readonly id: number;
  readonly runs: Run[] = [];
  /** Room taken from the producer's budget, given back when settled. */
  bytesTaken = 0;
  records = 0;
  /** `PRODUCE_ROOM` bytes and the batch; null until it is encoded. */
  bytes: Buffer | null = null;
  producerId = -1;
  producerEpoch = 0;
  sequence = 0;
  /** The bytes have been given to a socket: they must not be written any more. */
  handedOut = false;
  /** When it has to be settled, ms of `performance.now()`. */
  deadline = 0;
  ack: BatchAck | null = null;
  /** The last word of a node on it, for the message of a failure. */
  lastError: VireoError | null = null;
  /** Where answers may still come. */
  readonly attempts: { readonly connection: Connection; readonly correlation: number }[] = [];
  /** The attempt that an answer is expected to, and for how many ticks. */
  openAttempt = 0;
  openTicks = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** One more record, or `count` records, of `waiter`. */
  add(waiter: Waiter, count: number, bytesTaken: number): void {
    const last = this.runs.at(-1);
    if (last !== undefined && last.waiter === waiter && !last.gone) last.count += count;
    else this.runs.push({ waiter, index: this.records, count, gone: false });
    this.records += count;
    this.bytesTaken += bytesTaken;
  }

  acked(ack: BatchAck): void {
    for (const run of this.runs) if (!run.gone) run.waiter.acked(ack, run.index, run.count);
  }

  failed(error: VireoError): void {
    for (const run of this.runs) if (!run.gone) run.waiter.failed(error, run.count);
  }

  /** The caller of some of its records waits no longer. */
  leave(waiter: Waiter, error: VireoError): void {
    for (const run of this.runs) {
      if (run.waiter !== waiter || run.gone) continue;
      run.gone = true;
      waiter.failed(error, run.count);
    }
  }

  /** Whether all records belong to `waiter` or to callers who have gone. */
  onlyFor(waiter: Waiter): boolean {
    return this.runs.every((run) => run.gone || run.waiter === waiter);
  }
}
