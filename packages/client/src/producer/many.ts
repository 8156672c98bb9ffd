import { VireoError } from '@vireo/protocol';
import type { Call } from '../call.ts';
import type { BatchAck, ManyAck } from './ack.ts';
import type { Waiter } from './out-batch.ts';

/** Counts what a `sendMany` sent; fails with the first failure, once all of it is settled. */
export class ManyWaiter implements Waiter {
  #records = 0;
  #batches = 0;
  #duplicates = 0;
  #durability: 'memory' | 'disk' = 'disk';
  #outstanding = 0;
  #error: VireoError | null = null;
  #wake: (() => void) | null = null;

  /** A record was handed over. */
  sent(): void {
    this.#outstanding++;
  }

  get error(): VireoError | null {
    return this.#error;
  }

  /** Records known to be stored. */
  get records(): number {
    return this.#records;
  }

  acked(ack: BatchAck, _index: number, count: number): void {
    this.#records += count;
    this.#batches++;
    if (ack.duplicate) this.#duplicates++;
    if (ack.durability === 'memory') this.#durability = 'memory';
    this.#settled(count);
  }

  failed(error: VireoError, count: number): void {
    // Of several failures the worse one is told: that something may be there although the call failed.
    if (this.#error === null || (this.#error.outcome === 'notApplied' && error.outcome === 'unknown')) {
      this.#error = error;
    }
    this.#settled(count);
  }

  #settled(count: number): void {
    this.#outstanding -= count;
    if (this.#outstanding === 0) this.#wake?.();
  }

  /** Resolves when everything handed over is settled. */
  async done(call: Call): Promise<void> {
    if (this.#outstanding === 0) return;
    await call.wait(
      new Promise<void>((resolve) => {
        this.#wake = resolve;
      }),
      'unknown',
    );
  }

  summary(): ManyAck {
    return {
      records: this.#records,
      batches: this.#batches,
      duplicates: this.#duplicates,
      durability: this.#durability,
    };
  }
}

/** Hands over one value; a promise when there is no room yet. */
type One<T> = (value: T) => Promise<void> | undefined;

/** Values taken from an iterable before sockets and acks get their turn. */
const TURN_VALUES = 4_096;

/** Takes all values, one after the other as there is room, until the first failure or the end of `call`. */
export async function takeAll<T>(
  values: Iterable<T> | AsyncIterable<T>,
  one: One<T>,
  call: Call,
  waiter: ManyWaiter,
): Promise<void> {
  if (Symbol.asyncIterator in values) await takeAsync(values[Symbol.asyncIterator](), one, call, waiter);
  else await takeSync(values, one, call, waiter);
}

async function takeSync<T>(values: Iterable<T>, one: One<T>, call: Call, waiter: ManyWaiter): Promise<void> {
  let taken = 0;
  for (const value of values) {
    if (waiter.error !== null) return;
    const wait = one(value);
    if (wait !== undefined) await wait;
    if (++taken % TURN_VALUES !== 0) continue;
    await new Promise<void>((resolve) => setImmediate(resolve));
    call.throwIfOver();
  }
}

async function takeAsync<T>(
  iterator: AsyncIterator<T>,
  one: One<T>,
  call: Call,
  waiter: ManyWaiter,
): Promise<void> {
  let done = false;
  try {
    while (waiter.error === null) {
      const next = await call.wait(iterator.next(), 'unknown');
      if (next.done === true) {
        done = true;
        return;
      }
      const wait = one(next.value);
      if (wait !== undefined) await wait;
    }
  } finally {
    // Not awaited: a source that hangs in `next` hangs in `return` too.
    if (!done) iterator.return?.()?.catch(() => {});
  }
}

/** Adds to an error how many records of the call are known to be stored. */
export function withAcked(error: unknown, acked: number): unknown {
  if (!VireoError.is(error)) return error;
  const { code, message, retryable, outcome, details, cause } = error;
  return new VireoError(code, message, { retryable, outcome, details: { ...details, acked }, cause });
}
