import type { Prepare } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import type { Disk } from '../disk.ts';
import {
  type DiskOperation,
  MemoryDisk,
  PrepareChain,
  plainChecksums,
  SeededRandom,
} from '../testing/index.ts';
import { Journal, type JournalOpening } from './journal.ts';
import type { JournalItem, JournalOptions } from './journal-options.ts';

const CLUSTER = '11'.repeat(16);
const FILE_BYTES = 128 * 1024;
const OPTIONS: JournalOptions = { cluster: CLUSTER, node: 1, fileCount: 4, fileBytes: FILE_BYTES };

function open(disk: Disk, options: Partial<JournalOptions> = {}, seed = 1): JournalOpening {
  const result = Journal.open(disk, { ...OPTIONS, ...options }, plainChecksums, new SeededRandom(seed));
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

function started(disk: MemoryDisk, options: Partial<JournalOptions> = {}, seed = 1): Journal {
  const { journal } = open(disk, options, seed);
  const answers: unknown[] = [];
  journal.start((error) => answers.push(error));
  disk.pump();
  expect(answers).toEqual([null]);
  return journal;
}

/** Appends and waits. */
function put(
  disk: MemoryDisk,
  journal: Journal,
  group: number,
  prepares: Prepare[],
  rest: { state?: Buffer; checkpoint?: number } = {},
): void {
  const answers: boolean[] = [];
  expect(journal.append(group, { prepares, ...rest }, (ok) => answers.push(ok))).toBe(true);
  journal.flush();
  disk.pump();
  expect(answers).toEqual([true]);
}

function names(items: readonly JournalItem[]): string[] {
  return items.map((item) => {
    if (item.type === 'prepare') return `prepare ${item.group}/${item.prepare.header.op}`;
    if (item.type === 'state') return `state ${item.group} ${item.record}`;
    if (item.type === 'checkpoint') return `checkpoint ${item.group}/${item.op}`;
    return `faulty ${item.group}/${item.firstOp}-${item.lastOp}`;
  });
}

/** Position of the nth flush with entries (from 0) in the trace of writes, and its length. */
function flushes(disk: MemoryDisk): DiskOperation[] {
  return disk.trace.filter(({ kind, position }) => kind === 'write' && position >= 8192);
}

describe('journal', () => {
  it('gives back, in order, what was appended', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const a = new PrepareChain(1);
    const b = new PrepareChain(2);
    const first = a.batch(5000);
    put(disk, journal, 1, [first, a.batch(0)]);
    put(disk, journal, 2, [b.batch(10)], { state: Buffer.from('view 3') });
    put(disk, journal, 1, [a.noop()]);
    disk.crash();
    const { items, report } = open(disk);
    expect(names(items)).toEqual([
      'prepare 1/1',
      'prepare 1/2',
      'prepare 2/1',
      'state 2 view 3',
      'prepare 1/3',
    ]);
    expect(items[0]?.type === 'prepare' && items[0].prepare.bytes.equals(first.bytes)).toBe(true);
    expect(report).toMatchObject({ outcome: 'present', torn: null, damage: [], flushes: 4 });
  });

  it('is empty where nothing was, and says so', () => {
    const { items, report } = open(new MemoryDisk());
    expect(items).toEqual([]);
    expect(report).toMatchObject({ outcome: 'empty', files: 0 });
  });

  it('answers nothing before the sync, and gathers meanwhile what comes for the next flush', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    const order: number[] = [];
    const append = () => {
      const prepare = chain.batch(100);
      journal.append(1, { prepares: [prepare] }, () => order.push(prepare.header.op));
      journal.flush();
    };
    append();
    append();
    append();
    expect(disk.inFlight.filter(({ kind }) => kind === 'write')).toHaveLength(1);
    expect(order).toEqual([]);
    disk.pump(1);
    expect(order).toEqual([1]);
    journal.flush();
    expect(disk.inFlight).toHaveLength(1);
    disk.pump(1);
    expect(order).toEqual([1, 2, 3]);
  });

  it('hands the disk one durable write a flush, with the very bytes of the prepares', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    const prepares = [chain.batch(3000), chain.batch(7000)];
    const calls: { buffers: readonly Buffer[]; durable: boolean }[] = [];
    const write = disk.write.bind(disk);
    disk.write = (path, position, buffers, durable, done) => {
      calls.push({ buffers, durable });
      write(path, position, buffers, durable, done);
    };
    put(disk, journal, 1, prepares);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.durable).toBe(true);
    expect(calls[0]?.buffers[1]).toBe(prepares[0]?.bytes);
    expect(calls[0]?.buffers[2]).toBe(prepares[1]?.bytes);
    const total = calls[0]!.buffers.reduce((sum, { length }) => sum + length, 0);
    expect(total % 4096).toBe(0);
  });

  it('leaves out prepares that a checkpoint covers, and does not read them', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    put(disk, journal, 1, [chain.batch(40_000)]);
    put(disk, journal, 1, [chain.batch(40_000)]);
    put(disk, journal, 1, [chain.batch(100)], { checkpoint: 2 });
    disk.crash();
    const before = disk.trace.length;
    const { items } = open(disk);
    expect(names(items)).toEqual(['prepare 1/3', 'checkpoint 1/2']);
    const bodies = flushes(disk).slice(1, 3);
    const reads = disk.trace.slice(before).filter(({ kind }) => kind === 'readSync');
    for (const { path, position } of bodies) {
      const inside = reads.filter((read) => read.path === path && read.position > position);
      expect(inside.every((read) => read.position >= position + 40_000 || read.length <= 4096)).toBe(true);
    }
  });

  it('uses a file again only behind release, over several laps, and never a sequence twice', () => {
    const disk = new MemoryDisk();
    let journal = started(disk);
    const chain = new PrepareChain(1);
    const kept: string[] = [];
    for (let i = 0; i < 60; i++) {
      if (journal.pressure !== 'ok') journal.release(journal.fileSequence - 1);
      put(disk, journal, 1, [chain.batch(20_000)]);
      if (i % 20 === 19) {
        disk.crash();
        journal = started(disk, {}, i);
      }
    }
    expect(journal.fileSequence).toBeGreaterThan(9);
    expect(disk.paths).toHaveLength(3);
    disk.crash();
    const { items } = open(disk);
    for (const name of names(items)) kept.push(name);
    const ops = kept.map((name) => Number(name.split('/')[1]));
    expect(ops.at(-1)).toBe(60);
    expect(ops).toEqual(ops.map((_, i) => ops[0]! + i));
    expect(ops.length).toBeGreaterThan(4);
  });

  it('pushes back when the ring is full, keeps room for checkpoints, and goes on after release', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    const seen = new Set<string>();
    let accepted = 0;
    for (let i = 0; i < 100 && journal.pressure !== 'full'; i++) {
      seen.add(journal.pressure);
      put(disk, journal, 1, [chain.batch(10_000)]);
      accepted += 1;
    }
    expect([...seen]).toEqual(['ok', 'checkpoint']);
    expect(accepted).toBeGreaterThan(20);
    expect(journal.append(1, { prepares: [chain.batch(10)] }, () => undefined)).toBe(false);
    put(disk, journal, 1, [], { checkpoint: accepted });
    put(disk, journal, 1, [chain.batch(50_000)], { state: Buffer.from('copied forward') });
    journal.release(journal.fileSequence);
    expect(journal.pressure).toBe('ok');
    put(disk, journal, 1, [chain.batch(10_000)]);
  });

  it('says what a checkpoint must take care of before a file is released', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(7);
    put(disk, journal, 7, [chain.batch(10)], { state: Buffer.from('one') });
    const first = journal.fileSequence;
    while (journal.fileSequence === first) put(disk, journal, 7, [chain.batch(30_000)]);
    expect(journal.groupsIn(first)).toEqual([{ group: 7, lastOp: chain.op - 1, newestState: true }]);
    put(disk, journal, 7, [], { state: Buffer.from('two') });
    expect(journal.groupsIn(first)).toEqual([{ group: 7, lastOp: chain.op - 1, newestState: false }]);
    disk.crash();
    const reopened = open(disk).journal;
    expect(reopened.groupsIn(first)).toEqual([{ group: 7, lastOp: chain.op - 1, newestState: false }]);
    expect(reopened.oldestFile).toBe(first);
  });

  it('makes the head of a file durable before it writes the first flush in it', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    while (journal.fileSequence < 3) put(disk, journal, 1, [chain.batch(30_000)]);
    const heads = disk.trace.filter(({ kind, position }) => kind === 'write' && position === 0);
    expect(heads).toMatchObject(
      [1, 2, 3].map((n) => ({ path: `journal/0000000${n}.journal`, durable: true })),
    );
    expect(disk.trace.filter(({ kind, durable }) => kind === 'write' && !durable)).toEqual([]);
  });

  it('answers false for everything after a failed write, and tries nothing again', () => {
    let fail = false;
    const disk = new MemoryDisk({ fault: ({ kind }) => (fail && kind === 'write' ? 'io' : null) });
    const journal = started(disk);
    const chain = new PrepareChain(1);
    put(disk, journal, 1, [chain.batch(10)]);
    fail = true;
    const answers: boolean[] = [];
    journal.append(1, { prepares: [chain.batch(10)] }, (ok) => answers.push(ok));
    journal.flush();
    journal.append(1, { prepares: [chain.batch(10)] }, (ok) => answers.push(ok));
    disk.pump();
    expect(answers).toEqual([false]);
    journal.flush();
    expect(answers).toEqual([false, false]);
    fail = false;
    const before = disk.trace.length;
    journal.append(1, { prepares: [] }, (ok) => answers.push(ok));
    journal.flush();
    expect(answers).toEqual([false, false, false]);
    expect(disk.trace.length).toBe(before);
    expect(journal.failure?.code).toBe('io');
  });

  it('goes on with the files it has when no further one can be made', () => {
    let full = false;
    const disk = new MemoryDisk({ fault: ({ kind }) => (full && kind === 'create' ? 'noSpace' : null) });
    const journal = started(disk);
    const chain = new PrepareChain(1);
    while (journal.fileSequence < 2) put(disk, journal, 1, [chain.batch(30_000)]);
    full = true;
    while (journal.pressure !== 'full') put(disk, journal, 1, [chain.batch(10_000)]);
    expect(journal.creationError?.code).toBe('noSpace');
    expect(disk.trace.filter(({ kind }) => kind === 'create').length).toBeLessThanOrEqual(3);
    journal.release(journal.fileSequence);
    put(disk, journal, 1, [], { checkpoint: chain.op });
    expect(journal.failure).toBeNull();
  });

  it('grows by a file at a time when told that nothing else helps, to twice its size and no further', () => {
    const disk = new MemoryDisk();
    const small = { fileCount: 3, fileBytes: 64 * 1024 };
    const journal = started(disk, small);
    const promise = () => journal.append(1, { prepares: [], state: Buffer.alloc(3_000, 1) }, () => undefined);
    let promises = 0;
    const fill = () => {
      for (; promise(); promises += 1) {
        journal.flush();
        disk.pump();
      }
    };
    fill();
    for (let extra = 1; extra <= 3; extra++) {
      const before = promises;
      expect(journal.extend()).toBe(true);
      fill();
      expect(promises).toBeGreaterThan(before + 2);
      expect(disk.trace.filter(({ kind }) => kind === 'create')).toHaveLength(3 + extra);
    }
    expect(journal.extend()).toBe(false);
    expect(open(disk, small).items).toHaveLength(promises);
  });

  it('tries again to make a file that the disk refused, when told that nothing else helps', () => {
    let full = true;
    const disk = new MemoryDisk({
      fault: ({ kind, path }) => (full && kind === 'create' && path.includes('2.') ? 'noSpace' : null),
    });
    const journal = started(disk);
    const chain = new PrepareChain(1);
    let durable = 0;
    while (journal.append(1, { prepares: [chain.batch(20_000)], checkpoint: 0 }, () => durable++)) {
      journal.flush();
      disk.pump();
    }
    expect(journal.creationError?.code).toBe('noSpace');
    full = false;
    expect(journal.extend()).toBe(true);
    while (journal.fileSequence < 2) put(disk, journal, 1, [chain.batch(20_000)]);
    expect(journal.creationError).toBeNull();
  });

  it('starts, however many starts in a row came to nothing, until it has grown to twice its size', () => {
    const disk = new MemoryDisk();
    const small = { fileCount: 3, fileBytes: 64 * 1024 };
    put(disk, started(disk, small), 1, [], { state: Buffer.from('promise') });
    // A file holds 14 flushes of one block.
    for (let start = 1; start < 3 * 14 + 20; start++) started(disk, small, start);
    expect(disk.trace.filter(({ kind }) => kind === 'create').length).toBeGreaterThan(3);
    expect(names(open(disk, small).items)).toEqual(['state 1 promise']);
    let message = '';
    for (let start = 0; start < 60 && message === ''; start++) {
      open(disk, small, start).journal.start((error) => {
        message = error?.message ?? '';
      });
      disk.pump();
    }
    expect(message).toContain('journalFileBytes');
    expect(disk.trace.filter(({ kind }) => kind === 'create')).toHaveLength(6);
  });

  it('refuses a write that no file could take', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    expect(journal.append(1, { prepares: [chain.batch(FILE_BYTES)] }, () => undefined)).toBe(false);
    expect(journal.queuedBytes).toBe(0);
  });
});
