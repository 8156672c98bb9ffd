/** Fields of a trace line: numbers and short words only, so that a line costs little and hashes alike. */
export type TraceValue = number | string | boolean | null;

/**
 * Folds every event of a run into one hash, and keeps the last lines (or prints all of them).
 *
 * The hash is what "the same seed gives the same run" is measured by: two processes that agree on it saw the
 * same deliveries, disk completions, crashes and answers at the same simulated times.
 */
export class Trace {
  /** Lines kept for a failure report. */
  static readonly linesMax = 400;
  readonly #print: ((line: string) => void) | null;
  readonly #ring: [time: number, name: string, values: readonly TraceValue[]][] = [];
  #next = 0;
  #low = 0x811c9dc5 | 0;
  #high = 0x6a09e667 | 0;

  constructor(print: ((line: string) => void) | null) {
    this.#print = print;
  }

  event(time: number, name: string, ...values: TraceValue[]): void {
    this.#fold(time | 0);
    this.#fold(Math.floor(time / 0x100000000));
    this.#foldText(name);
    for (const value of values) {
      if (typeof value === 'number') {
        this.#fold(value | 0);
        this.#fold(Math.floor(value / 0x100000000) | 0);
      } else if (typeof value === 'string') {
        this.#foldText(value);
      } else {
        this.#fold(value === null ? 2 : value ? 1 : 0);
      }
    }
    if (this.#print !== null) this.#print(formatLine(time, name, values));
    if (this.#ring.length < Trace.linesMax) this.#ring.push([time, name, values]);
    else this.#ring[this.#next] = [time, name, values];
    this.#next = (this.#next + 1) % Trace.linesMax;
  }

  /** A line for people, made only when all lines are printed; not part of the hash. */
  detail(line: () => string): void {
    if (this.#print !== null) this.#print(`            ${line()}`);
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return (this.#high >>> 0).toString(16).padStart(8, '0') + (this.#low >>> 0).toString(16).padStart(8, '0');
  }

  /** The last lines, oldest first. */
  lastLines(): string[] {
    const start = this.#ring.length < Trace.linesMax ? 0 : this.#next;
    const lines: string[] = [];
    for (let index = 0; index < this.#ring.length; index += 1) {
      const entry = this.#ring[(start + index) % this.#ring.length]!;
      lines.push(formatLine(entry[0], entry[1], entry[2]));
    }
    return lines;
  }

  #fold(value: number): void {
    this.#low = Math.imul(this.#low ^ value, 0x01000193);
    this.#low ^= this.#low >>> 15;
    this.#high = (Math.imul(this.#high ^ this.#low, 0x85ebca6b) + value) | 0;
    this.#high ^= this.#high >>> 13;
  }

  #foldText(text: string): void {
    for (let index = 0; index < text.length; index += 1) this.#fold(text.charCodeAt(index));
    this.#fold(-text.length);
  }
}

function formatLine(time: number, name: string, values: readonly TraceValue[]): string {
  return `${(time / 1_000_000).toFixed(6).padStart(11)} ${name.padEnd(14)} ${values.join(' ')}`;
}
