import type { VireoError } from '@vireo/protocol';
import { type BatchAck, type RecordAck, recordAck } from './ack.ts';
import type { Waiter } from './out-batch.ts';

/** Waits for one record. */
export class RecordWaiter implements Waiter {
  readonly promise: Promise<RecordAck>;
  #resolve!: (ack: RecordAck) => void;
  #reject!: (error: VireoError) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  acked(ack: BatchAck, index: number): void {
    this.#resolve(recordAck(ack, index));
  }
  failed(error: VireoError): void {
    this.#reject(error);
  }
}

/** Waits for one batch: one promise, however many records. */
export class BatchWaiter implements Waiter {
  readonly promise: Promise<BatchAck>;
  #resolve!: (ack: BatchAck) => void;
  #reject!: (error: VireoError) => void;

  constructor() {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  acked(ack: BatchAck): void {
    this.#resolve(ack);
  }
  failed(error: VireoError): void {
    this.#reject(error);
  }
}
