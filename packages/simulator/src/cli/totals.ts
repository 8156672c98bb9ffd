import { type FloorName, floorNames, type RunResult } from '../cluster/index.ts';

/** What counts of one run. */
export interface Figures
  extends Pick<RunResult, 'operations' | 'acked' | 'consumed' | 'faults' | 'simulatedMicros' | 'floors'> {
  readonly failed: boolean;
  /** Of the processor. */
  readonly cpuMicros: number;
}

/** Sums over the runs of a batch, and what they cost. */
export class Totals {
  runs = 0;
  failed = 0;
  readonly floors = Object.fromEntries(floorNames.map((name) => [name, 0])) as Record<FloorName, number>;
  #cpuSeconds = 0;
  #operations = 0;
  #acked = 0;
  #consumed = 0;
  #faults = 0;
  #simulated = 0;

  add({ failed, cpuMicros, operations, acked, consumed, faults, simulatedMicros, floors }: Figures): void {
    this.runs += 1;
    if (failed) this.failed += 1;
    this.#cpuSeconds += cpuMicros / 1_000_000;
    this.#operations += operations;
    this.#acked += acked;
    this.#consumed += consumed;
    this.#faults += faults;
    this.#simulated += simulatedMicros / 1_000_000;
    for (const name of floorNames) this.floors[name] += floors[name];
  }

  /** What came of it, as lines for people; `title` says of what. */
  lines(title: string): string[] {
    const cpuSeconds = this.#cpuSeconds;
    return [
      `${title}: ${this.runs - this.failed} passed, ${this.failed} failed`,
      `${this.#operations} client operations, ${this.#acked} records acked, ${this.#consumed} consumed, ` +
        `${this.#faults} faults; ${Math.round(this.#simulated)} simulated s in ${cpuSeconds.toFixed(1)} s of CPU ` +
        `(${(cpuSeconds / Math.max(1, this.runs)).toFixed(2)} s a seed)`,
      `throughput: ${(this.#operations / cpuSeconds).toFixed(0)} client operations and ` +
        `${(this.#simulated / cpuSeconds).toFixed(1)} simulated s per CPU second`,
      ...floorNames.map((name) => `  ${name}: ${this.floors[name]}`),
    ];
  }
}
