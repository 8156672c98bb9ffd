import type { Prng } from './prng.ts';

/** A scheduled event; `cancelled` events stay in the queue and are skipped. */
export interface Timer {
  readonly at: number;
  readonly priority: number;
  readonly sequence: number;
  readonly run: () => void;
  cancelled: boolean;
}

/**
 * Simulated time and what is due in it. Events of one instant run in a drawn order (an order that follows
 * the order of scheduling would hide every race between equal times); the sequence number settles the rest,
 * so the order is total and the same in each run.
 */
export class Scheduler {
  /** Microseconds since the start of the run. */
  now = 0;
  /** Events run so far. */
  count = 0;
  readonly #heap: Timer[] = [];
  readonly #random: Prng;
  #sequence = 0;

  constructor(random: Prng) {
    this.#random = random;
  }

  /** Runs `run` `delay` µs from now (0: at this instant, after the present event). */
  after(delay: number, run: () => void): Timer {
    return this.at(this.now + Math.max(0, Math.floor(delay)), run);
  }

  at(time: number, run: () => void): Timer {
    const at = Math.max(time, this.now);
    const timer: Timer = {
      at,
      priority: this.#random.u32(),
      sequence: this.#sequence,
      run,
      cancelled: false,
    };
    this.#sequence += 1;
    this.#push(timer);
    return timer;
  }

  /** Runs the next event; false when nothing is left. */
  step(): boolean {
    for (;;) {
      const timer = this.#pop();
      if (timer === undefined) return false;
      if (timer.cancelled) continue;
      this.now = timer.at;
      this.count += 1;
      timer.run();
      return true;
    }
  }

  /** Runs events until `time` is reached or `until` holds (looked at after each event); true when it held. */
  runUntil(time: number, until: () => boolean): boolean {
    for (;;) {
      if (until()) return true;
      const next = this.#heap[0];
      if (next === undefined || next.at > time) {
        this.now = Math.max(this.now, time);
        return false;
      }
      this.step();
    }
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(timer);
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above]!;
      if (!isBefore(timer, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(left: Timer, right: Timer): boolean {
  if (left.at !== right.at) return left.at < right.at;
  if (left.priority !== right.priority) return left.priority < right.priority;
  return left.sequence < right.sequence;
}
