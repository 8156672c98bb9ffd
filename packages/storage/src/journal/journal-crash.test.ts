import { describe, expect, it } from 'vitest';
import { MemoryDisk, PrepareChain, plainChecksums, SeededRandom } from '../testing/index.ts';
import { Journal } from './journal.ts';
import type { JournalItem } from './journal-options.ts';

const OPTIONS = { cluster: '11'.repeat(16), node: 1, fileCount: 4, fileBytes: 128 * 1024 };

function nameOf(item: JournalItem): string {
  if (item.type === 'prepare') return `prepare ${item.group}/${item.prepare.header.op}`;
  if (item.type === 'state') return `state ${item.group} ${item.record}`;
  if (item.type === 'checkpoint') return `checkpoint ${item.group}/${item.op}`;
  return 'faulty';
}

/** A node's life on one disk: what was appended, how much of it was acknowledged, what was released. */
class Life {
  readonly disk = new MemoryDisk({ traceMax: 0 });
  readonly chains = [new PrepareChain(1), new PrepareChain(2), new PrepareChain(3)];
  readonly random: SeededRandom;
  /** Names of all items appended and not known lost, in order. */
  appended: string[] = [];
  acked = 0;
  /** Items before this one may be gone: their file was released. */
  released = 0;
  steps = 0;
  laps = 0;
  torn = 0;
  lost = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  /** Completes calls until `deadline` of them have been completed in this run. False: time is up. */
  #pump(deadline: number): boolean {
    while (this.disk.inFlight.length > 0) {
      if (this.steps >= deadline) return false;
      this.disk.pump(1);
      this.steps += 1;
    }
    return true;
  }

  /** Opens, checks what is there, starts, works, and crashes at the given call. */
  run(deadline: number): void {
    this.steps = 0;
    const result = Journal.open(this.disk, OPTIONS, plainChecksums, this.random);
    if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
    const { journal, items, report } = result.value;
    this.#check(items.map(nameOf));
    if (report.torn !== null) this.torn += 1;
    expect(report.damage).toEqual([]);
    let started = false;
    journal.start((error) => {
      expect(error).toBeNull();
      started = true;
      // What was found counts from here on, acknowledged or not: the node acts on it.
      this.acked = this.appended.length;
    });
    if (this.#pump(deadline)) {
      expect(started).toBe(true);
      while (this.#work(journal) && this.#pump(deadline));
    }
    this.laps = Math.max(this.laps, journal.fileSequence);
    const below = this.random.below(5) === 0 ? {} : { below: this.random.below };
    this.disk.crash({ ...below, processOnly: this.random.below(5) === 0 });
  }

  /** All that was acknowledged is there, in order, and nothing that was not appended. */
  #check(found: string[]): void {
    let from = 0;
    while (from < this.released && this.appended[from] !== found[0]) from += 1;
    if (found.length === 0) from = Math.min(this.released, this.appended.length);
    const end = from + found.length;
    expect(found).toEqual(this.appended.slice(from, end));
    expect(end).toBeGreaterThanOrEqual(this.acked);
    this.lost += this.appended.length - end;
    this.appended.splice(end);
  }

  #work(journal: Journal): boolean {
    if (journal.pressure !== 'ok' && this.released < this.acked) {
      // As after a checkpoint: all that was acknowledged so far is not needed any more.
      const boundary = journal.fileSequence;
      this.released = this.acked;
      journal.release(boundary);
    }
    const writes = 1 + this.random.below(3);
    for (let i = 0; i < writes; i++) {
      const chain = this.chains[this.random.below(3)]!;
      const sizes = [0, 60, 700, 5000, 20_000];
      const prepares = Array.from({ length: this.random.below(3) }, () =>
        chain.batch(sizes[this.random.below(5)]!),
      );
      const state = this.random.below(3) === 0 ? Buffer.from(`s${this.random.u32()}`) : null;
      const { group } = chain;
      const names = prepares.map(({ header }) => `prepare ${group}/${header.op}`);
      if (state !== null) names.push(`state ${group} ${state}`);
      const end = this.appended.length + names.length;
      const accepted = journal.append(group, { prepares, state }, (ok) => {
        expect(ok).toBe(true);
        expect(end).toBeGreaterThanOrEqual(this.acked);
        this.acked = end;
      });
      if (accepted) this.appended.push(...names);
    }
    journal.flush();
    return true;
  }
}

describe('journal after crashes', () => {
  it('holds all that was acknowledged, in order, and nothing else, whichever call the crash cuts off', () => {
    let torn = 0;
    let lost = 0;
    for (let at = 1; at <= 60; at++) {
      const life = new Life(at);
      life.run(at);
      life.run(5 + (at % 7));
      life.run(1 + (at % 5));
      life.run(0);
      torn += life.torn;
      lost += life.lost;
    }
    // The run was worth something only if crashes tore and lost flushes.
    expect(torn).toBeGreaterThan(3);
    expect(lost).toBeGreaterThan(30);
  });

  it('holds it over several laps of the ring', () => {
    for (let seed = 1; seed <= 6; seed++) {
      const life = new Life(1000 + seed);
      for (let i = 0; i < 12; i++) life.run(10 + life.random.below(60));
      expect(life.laps).toBeGreaterThan(6);
    }
  });
});
