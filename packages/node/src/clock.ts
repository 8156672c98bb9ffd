import type { Clock } from '@vireo/vsr';

/**
 * The machine's clocks, read once per turn: within a turn the core sees one instant, as it does in the
 * simulator, and a hot path that stamps a thousand batches asks the system once.
 */
export class TurnClock implements Clock {
  #monotonicMs = 0;
  #wallMicros = 0;

  constructor() {
    this.refresh();
  }

  /** Reads both clocks; called at the start of a turn. */
  refresh(): void {
    this.#monotonicMs = performance.now();
    // Not `performance.timeOrigin + now`: that would miss every correction of the clock since the start.
    this.#wallMicros = Date.now() * 1000;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  wallMicros(): number {
    return this.#wallMicros;
  }
}
