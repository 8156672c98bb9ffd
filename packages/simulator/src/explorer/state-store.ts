import { leavesNoLess, MOST_USED } from './budget.ts';
import { type IntLists, mix } from './int-lists.ts';

const ROW = 9;
const CHUNK_ROWS = 1 << 18;

/** A state of the group as integers that each stand for one value, so that states are compared exactly, not by hash. */
export const column = {
  node0: 0,
  node1: 1,
  node2: 2,
  /** What is remembered of the past. */
  past: 3,
  /** Messages that may be delivered. */
  messages: 4,
  /** Ops prepared, crashes, and who alone goes on (see `Search`). */
  budget: 5,
  /** Where it was first reached from, and by what. */
  parent: 6,
  action: 7,
  /** The next of those with equal nodes and past, + 1. */
  next: 8,
} as const;

const KEY = column.past + 1;

/** In place of a budget: no state has used up more than that. */
const OUTDONE = MOST_USED;

/**
 * All states that were reached and are not outdone. A state is outdone by one with the same nodes and past, no fewer
 * messages and no smaller budgets: whatever can happen from the one can happen from the other.
 */
export class StateStore {
  readonly #lists: IntLists;
  readonly #chunks: Int32Array[] = [];
  #count = 0;
  #outdone = 0;
  /** Open addressing: index of the latest with a key, + 1; 0 is free. */
  #table = new Int32Array(1 << 16);
  #keys = 0;

  /** `lists`: those that the column `messages` names. */
  constructor(lists: IntLists) {
    this.#lists = lists;
  }

  get count(): number {
    return this.#count;
  }

  get outdone(): number {
    return this.#outdone;
  }

  get(index: number, at: number): number {
    const chunk = this.#chunks[Math.floor(index / CHUNK_ROWS)] as Int32Array;
    return chunk[(index % CHUNK_ROWS) * ROW + at] as number;
  }

  /** Whether a state that came later outdoes it. */
  isOutdone(index: number): boolean {
    return this.get(index, column.budget) === OUTDONE;
  }

  /** Adds a state unless another one outdoes it; true: it was added. */
  add(row: Int32Array): boolean {
    if ((this.#keys + 1) * 2 > this.#table.length) this.#rehash();
    const slot = this.#slotOf(row);
    const messages = row[column.messages] as number;
    const budget = row[column.budget] as number;
    let before = 0;
    for (let entry = this.#table[slot] as number; entry !== 0; ) {
      const index = entry - 1;
      const next = this.get(index, column.next);
      const theirMessages = this.get(index, column.messages);
      const theirBudget = this.get(index, column.budget);
      if (leavesNoLess(theirBudget, budget) && this.#lists.isWithin(messages, theirMessages)) return false;
      if (
        theirBudget !== OUTDONE &&
        leavesNoLess(budget, theirBudget) &&
        this.#lists.isWithin(theirMessages, messages)
      ) {
        this.#set(index, column.budget, OUTDONE);
        this.#outdone++;
        // The first keeps its place: the table finds the others by its key.
        if (before !== 0) this.#set(before - 1, column.next, next);
        else before = entry;
      } else before = entry;
      entry = next;
    }
    const first = this.#table[slot] as number;
    row[column.next] = first;
    if (first === 0) this.#keys++;
    if (this.#count % CHUNK_ROWS === 0) this.#chunks.push(new Int32Array(CHUNK_ROWS * ROW));
    const chunk = this.#chunks.at(-1) as Int32Array;
    chunk.set(row, (this.#count % CHUNK_ROWS) * ROW);
    this.#count++;
    this.#table[slot] = this.#count;
    return true;
  }

  #set(index: number, at: number, value: number): void {
    const chunk = this.#chunks[Math.floor(index / CHUNK_ROWS)] as Int32Array;
    chunk[(index % CHUNK_ROWS) * ROW + at] = value;
  }

  #slotOf(row: Int32Array): number {
    const mask = this.#table.length - 1;
    let slot = hashOfKey(row, 0) & mask;
    for (let entry = this.#table[slot] as number; entry !== 0; entry = this.#table[slot] as number) {
      if (this.#isAt(entry - 1, row)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #isAt(index: number, row: Int32Array): boolean {
    const chunk = this.#chunks[Math.floor(index / CHUNK_ROWS)] as Int32Array;
    const start = (index % CHUNK_ROWS) * ROW;
    for (let at = 0; at < KEY; at++) if (chunk[start + at] !== row[at]) return false;
    return true;
  }

  #rehash(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2);
    const mask = this.#table.length - 1;
    for (const entry of old) {
      if (entry === 0) continue;
      const chunk = this.#chunks[Math.floor((entry - 1) / CHUNK_ROWS)] as Int32Array;
      let slot = hashOfKey(chunk, ((entry - 1) % CHUNK_ROWS) * ROW) & mask;
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask;
      this.#table[slot] = entry;
    }
  }
}

function hashOfKey(values: Int32Array, start: number): number {
  let hash = 0;
  for (let at = 0; at < KEY; at++) hash = mix(hash, values[start + at] as number);
  return hash >>> 0;
}
