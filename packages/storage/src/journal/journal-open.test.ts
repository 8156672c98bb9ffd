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

describe('journal when opened', () => {
  it('remembers a release over a restart, and forgives damage in what was released', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    while (journal.pressure !== 'full') put(disk, journal, 1, [chain.batch(10_000)]);
    const damaged = flushes(disk).slice(2, 5);
    journal.release(journal.fileSequence);
    put(disk, journal, 1, [], { checkpoint: chain.op });
    for (const { path, position } of damaged) disk.corrupt(path, position + 3);
    disk.crash();
    const again = open(disk);
    expect(again.journal.oldestFile).toBe(journal.fileSequence);
    expect(again.journal.pressure).not.toBe('full');
    expect(again.report.damage).toEqual([]);
    started(disk);
  });

  it('can be started again and again with a ring that is full to the brim', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    const state = Buffer.from('state');
    const answers: boolean[] = [];
    while (journal.append(1, { prepares: [chain.batch(10_000)], state }, (ok) => answers.push(ok))) {
      journal.flush();
      disk.pump();
    }
    expect(journal.pressure).toBe('full');
    expect(answers.every(Boolean)).toBe(true);
    for (let i = 0; i < 3; i++) {
      disk.crash();
      expect(open(disk).items).toHaveLength(answers.length * 2);
      started(disk, {}, i);
    }
  });

  it('cuts a torn last flush and writes over it', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    put(disk, journal, 1, [chain.batch(100)]);
    put(disk, journal, 1, [chain.batch(9000)]);
    const { path, position } = flushes(disk).at(-1)!;
    disk.corrupt(path, position + 5000);
    disk.crash();
    const { items, report } = open(disk);
    expect(names(items)).toEqual(['prepare 1/1']);
    expect(report.torn).toEqual({ path, position });
    started(disk);
    expect(flushes(disk).at(-1)).toMatchObject({ path, position, length: 4096, durable: true });
    disk.crash();
    const again = open(disk);
    expect(names(again.items)).toEqual(['prepare 1/1']);
    expect(again.report.torn).toBeNull();
  });

  it('writes again at start what it found last, and only then the opening flush', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    put(disk, journal, 1, [new PrepareChain(1).batch(9000)]);
    const last = flushes(disk).at(-1)!;
    const before = disk.content(last.path);
    disk.crash({ processOnly: true });
    const { journal: again } = open(disk);
    const from = disk.trace.length;
    again.start(() => undefined);
    disk.pump();
    expect(disk.trace.slice(from)).toMatchObject([
      { kind: 'makeDirectory' },
      { kind: 'write', durable: true, path: last.path, position: last.position, length: last.length },
      { kind: 'write', durable: true, position: last.position + last.length },
    ]);
    const end = last.position + last.length;
    expect(disk.content(last.path).subarray(0, end).equals(before.subarray(0, end))).toBe(true);
  });

  it('takes a file into use again though only one copy of its new head was written, and mends the other', () => {
    const disk = new MemoryDisk();
    const journal = started(disk, { fileCount: 3 });
    const chain = new PrepareChain(1);
    while (journal.fileSequence < 3) put(disk, journal, 1, [chain.batch(30_000)]);
    const old = disk.content('journal/00000001.journal').subarray(4096, 8192);
    journal.release(3);
    const headWrite = () => disk.inFlight.find(({ kind, position }) => kind === 'write' && position === 0);
    for (let i = 0; i < 10 && headWrite() === undefined; i++) {
      disk.pump();
      expect(journal.append(1, { prepares: [chain.batch(30_000)] }, () => undefined)).toBe(true);
      journal.flush();
    }
    const { path } = headWrite()!;
    expect(path).toBe('journal/00000001.journal');
    disk.pump(1);
    // As if the second block had not reached the disk.
    disk.crash();
    disk.write(path, 4096, [old], true, () => undefined);
    disk.pump();
    started(disk, { fileCount: 3 });
    expect(disk.content(path).subarray(0, 4096).equals(disk.content(path).subarray(4096, 8192))).toBe(true);
  });

  it('tells damage from a torn end once an empty flush has settled the last one', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    const prepare = chain.batch(9000);
    put(disk, journal, 1, [prepare]);
    const { path, position } = flushes(disk).at(-1)!;
    const before = disk.trace.length;
    journal.settleTail();
    disk.pump();
    journal.settleTail();
    disk.pump();
    expect(disk.trace.length).toBe(before + 1);
    disk.corrupt(path, position + 5000);
    const { items, report } = open(disk);
    expect(names(items)).toEqual(['faulty 1/1-1']);
    expect(report.torn).toBeNull();
    expect(report.damage).toMatchObject([
      { path, position, from: 'own', faulty: [{ group: 1, firstOp: 1, lastOp: 1 }] },
    ]);
    // The body alone is damaged: what its header says is still known, and must not be when that is damaged too.
    const headerOf = (item: JournalItem | undefined) => (item?.type === 'faulty' ? item.header : null);
    expect(headerOf(items[0])?.checksum).toBe(prepare.header.checksum);
    const start = disk.content(path).indexOf(prepare.bytes.subarray(0, 64));
    disk.corrupt(path, start + 70);
    expect(headerOf(open(disk).items[0])).toBeUndefined();
    expect(names(open(disk).items)).toEqual(['faulty 1/1-1']);
  });

  it('knows from the copy in the successor what a flush with a damaged head held', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const a = new PrepareChain(1);
    const b = new PrepareChain(2);
    put(disk, journal, 1, [a.batch(100)]);
    journal.append(1, { prepares: [a.batch(6000), a.batch(100)] }, () => undefined);
    journal.append(2, { prepares: [b.batch(100)], state: Buffer.from('promise') }, () => undefined);
    journal.flush();
    disk.pump();
    const { path, position } = flushes(disk).at(-1)!;
    put(disk, journal, 1, [a.batch(100)]);
    disk.corrupt(path, position + 60);
    const { items, report } = open(disk);
    expect(names(items)).toEqual([
      'prepare 1/1',
      'faulty 1/2-3',
      'faulty 2/1-1',
      'state 2 promise',
      'prepare 1/4',
    ]);
    expect(report.damage).toMatchObject([{ path, position, from: 'successor' }]);
    started(disk);
  });

  it('knows it too when the damaged flush is the last of its file', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    const first = journal.fileSequence;
    while (journal.fileSequence === first) put(disk, journal, 1, [chain.batch(30_000)]);
    const last = flushes(disk)
      .filter(({ path }) => path.endsWith('1.journal'))
      .at(-1)!;
    disk.corrupt(last.path, last.position + 3);
    const { items } = open(disk);
    expect(names(items).slice(-2)).toEqual([
      `faulty 1/${chain.op - 1}-${chain.op - 1}`,
      `prepare 1/${chain.op}`,
    ]);
  });

  it('refuses when both copies of an index are gone', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    for (let i = 0; i < 4; i++) put(disk, journal, 1, [chain.batch(100)]);
    const written = flushes(disk);
    for (const { path, position } of written.slice(2, 4)) disk.corrupt(path, position + 3);
    const result = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
    expect(result).toMatchObject({ ok: false, error: { code: 'indexLost', position: written[2]?.position } });
  });

  it('survives the loss of one head of a file and refuses at the loss of both', () => {
    const disk = new MemoryDisk();
    put(disk, started(disk), 1, [new PrepareChain(1).batch(10)]);
    disk.corrupt('journal/00000001.journal', 30);
    expect(names(open(disk).items)).toEqual(['prepare 1/1']);
    disk.corrupt('journal/00000001.journal', 4096 + 30);
    const result = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
    expect(result).toMatchObject({ ok: false, error: { code: 'unreadable' } });
  });

  it('refuses journals of others, of later formats, unreadable ones, and impossible sizes', () => {
    const disk = new MemoryDisk();
    put(disk, started(disk), 1, [new PrepareChain(1).batch(10)]);
    const code = (options: Partial<JournalOptions>, on: Disk = disk) => {
      const result = Journal.open(on, { ...OPTIONS, ...options }, plainChecksums, new SeededRandom(1));
      return result.ok ? 'ok' : result.error.code;
    };
    expect(code({})).toBe('ok');
    expect(code({ cluster: '22'.repeat(16) })).toBe('otherCluster');
    expect(code({ node: 2 })).toBe('otherNode');
    expect(code({ fileCount: 2 })).toBe('invalidOptions');
    expect(code({ fileBytes: 100_000 })).toBe('invalidOptions');
    for (const failure of ['io', 'denied'] as const) {
      const broken = new MemoryDisk({ fault: ({ kind }) => (kind === 'list' ? failure : null) });
      expect(code({}, broken)).toBe('unreadable');
    }
    for (const copy of [0, 4096]) disk.corrupt('journal/00000001.journal', copy + 20, 3);
    expect(code({})).toBe('newerFormat');
  });

  it('refuses when a file in the middle is missing', () => {
    const disk = new MemoryDisk();
    const journal = started(disk);
    const chain = new PrepareChain(1);
    while (journal.fileSequence < 3) put(disk, journal, 1, [chain.batch(30_000)]);
    disk.remove('journal/00000002.journal', () => undefined);
    disk.pump();
    const result = Journal.open(disk, OPTIONS, plainChecksums, new SeededRandom(1));
    expect(result).toMatchObject({ ok: false, error: { code: 'unreadable' } });
  });

  it('reports a start that the disk refuses', () => {
    const disk = new MemoryDisk({ fault: ({ kind }) => (kind === 'create' ? 'noSpace' : null) });
    const answers: unknown[] = [];
    open(disk).journal.start((error) => answers.push(error?.code));
    disk.pump();
    expect(answers).toEqual(['diskFailed']);
  });
});
