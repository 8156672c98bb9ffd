/**
 * What a run has used up of its bounds, and which node alone goes on (see `Search`), in one integer: ops, crashes,
 * clean shutdowns, commit numbers heard, three bits each, then the node + 1.
 */
export const cost = { none: 0, op: 1, crash: 1 << 3, clean: 1 << 6, news: 1 << 9 } as const;

const GOES_ON = 1 << 12;
const MASK = 7;

export function used(budget: number, unit: number): number {
  return Math.floor(budget / unit) & MASK;
}

/** The node that alone goes on; −1: all do. */
export function whoGoesOn(budget: number): number {
  return Math.floor(budget / GOES_ON) - 1;
}

/** The budget after a step that costs `units`, with all going on (−1) or one node alone. */
export function spend(budget: number, units: number, goesOn: number): number {
  return (budget % GOES_ON) + units + (goesOn + 1) * GOES_ON;
}

/** More than any run uses up, so that it leaves room for nothing. */
export const MOST_USED = 2 ** 15 - 1;

/** Whether a budget leaves room for all that another one does. */
export function leavesNoLess(one: number, other: number): boolean {
  if (one === other) return true;
  const isNoMore =
    (one & MASK) <= (other & MASK) &&
    ((one >> 3) & MASK) <= ((other >> 3) & MASK) &&
    ((one >> 6) & MASK) <= ((other >> 6) & MASK) &&
    ((one >> 9) & MASK) <= ((other >> 9) & MASK);
  return isNoMore && (one < GOES_ON || one >> 12 === other >> 12);
}
