import type { Prng } from './prng.ts';
import type { Scheduler } from './scheduler.ts';

/** Wall time at the start of each run: 2026-01-01T00:00:00Z in µs. */
const wallEpochMicros = 1_767_225_600_000_000;

/**
 * A node's clocks. The monotonic one runs up to 0.5 % fast or slow, as oscillators do; the wall clock is off
 * by a drawn offset on top and can be stepped. Nothing in the protocol may depend on either for safety.
 */
export class SimClock {
  readonly #scheduler: Scheduler;
  /** Parts per million that this clock runs fast. */
  readonly driftPpm: number;
  #wallOffset: number;
  #startedAt: number;

  constructor(scheduler: Scheduler, random: Prng, driftPpmMax: number, wallOffsetMicrosMax: number) {
    this.#scheduler = scheduler;
    this.driftPpm = random.between(-driftPpmMax, driftPpmMax);
    this.#wallOffset = random.between(-wallOffsetMicrosMax, wallOffsetMicrosMax);
    this.#startedAt = scheduler.now;
  }

  /** A process's monotonic clock begins anew with the process. */
  processStarted(): void {
    this.#startedAt = this.#scheduler.now;
  }

  monotonicMs(): number {
    return Math.floor(this.#drifted(this.#scheduler.now - this.#startedAt) / 1000);
  }

  wallMicros(): number {
    return wallEpochMicros + this.#drifted(this.#scheduler.now) + this.#wallOffset;
  }

  /** The wall clock jumps by `micros`, back or forth (an operator, or NTP). */
  step(micros: number): void {
    this.#wallOffset += micros;
  }

  /** Simulated µs that pass while this node's clock counts `micros`. */
  toSimulated(micros: number): number {
    return Math.floor((micros * 1_000_000) / (1_000_000 + this.driftPpm));
  }

  #drifted(micros: number): number {
    return micros + Math.floor((micros * this.driftPpm) / 1_000_000);
  }
}
