import { VireoError } from '@vireo/protocol';
import type { Call } from '../call.ts';

interface Waiting {
  readonly bytes: number;
  readonly records: number;
  readonly enter: () => void;
}

/** Calls that may wait for room at once; beyond, somebody sends without ever awaiting. */
const WAITING_MAX = 65_536;

/**
 * The room of a producer: bytes and records that are accepted and not settled. First come, first served, so that a
 * large batch is not starved by small records. What is larger than all the room enters when nothing else is there.
 */
export class Budget {
  readonly #bytesMax: number;
  readonly #recordsMax: number;
  #bytes = 0;
  #records = 0;
  #queue: Waiting[] = [];
  #closed: VireoError | null = null;

  constructor(bytesMax: number, recordsMax: number) {
    this.#bytesMax = bytesMax;
    this.#recordsMax = recordsMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get records(): number {
    return this.#records;
  }

  /** Takes room if there is some and nobody waits for it. */
  tryTake(bytes: number, records: number): boolean {
    if (this.#queue.length > 0 || !this.#fits(bytes, records)) return false;
    this.#bytes += bytes;
    this.#records += records;
    return true;
  }

  /** Takes room, waiting for it as long as `call` lasts. Throws `overloaded` when too many wait already. */
  async take(bytes: number, records: number, call: Call): Promise<void> {
    if (this.#closed !== null) throw this.#closed;
    if (this.tryTake(bytes, records)) return;
    if (this.#queue.length >= WAITING_MAX)
      throw overloaded(`${WAITING_MAX} calls wait for room in the producer`);
    let entered = false;
    let waiting: Waiting | undefined;
    try {
      await call.wait(
        new Promise<void>((resolve, reject) => {
          const enter = (): void => {
            if (this.#closed !== null) {
              reject(this.#closed);
              return;
            }
            entered = true;
            resolve();
          };
          waiting = { bytes, records, enter };
          this.#queue.push(waiting);
        }),
        'notApplied',
      );
    } catch (error) {
      // The call ended in the very turn in which room was found: the room goes back.
      if (entered) this.give(bytes, records);
      this.#queue = this.#queue.filter((other) => other !== waiting);
      this.#admit();
      throw error;
    }
  }

  give(bytes: number, records: number): void {
    this.#bytes -= bytes;
    this.#records -= records;
    this.#admit();
  }

  /** What was taken on an estimate turned out to be `bytes` more (or less, if negative). */
  adjust(bytes: number): void {
    this.#bytes += bytes;
    if (bytes < 0) this.#admit();
  }

  /** Nobody enters any more; who waits fails with `error`. */
  close(error: VireoError): void {
    this.#closed = error;
    for (const waiting of this.#queue.splice(0)) waiting.enter();
  }

  #fits(bytes: number, records: number): boolean {
    if (this.#bytes === 0 && this.#records === 0) return true;
    return this.#bytes + bytes <= this.#bytesMax && this.#records + records <= this.#recordsMax;
  }

  #admit(): void {
    while (this.#queue.length > 0) {
      const { bytes, records, enter } = this.#queue[0]!;
      if (!this.#fits(bytes, records)) return;
      this.#queue.shift();
      this.#bytes += bytes;
      this.#records += records;
      enter();
    }
  }
}

export function overloaded(message: string): VireoError {
  return new VireoError('overloaded', message);
}
