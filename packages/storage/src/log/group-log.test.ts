import type { Prepare } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Disk } from '../disk.ts';
import type { StorageError } from '../errors.ts';
import { MemoryDisk, PrepareChain, plainChecksums } from '../testing/index.ts';
import { GroupLog, type GroupLogOptions, type LogChunk } from './group-log.ts';

const OPTIONS: GroupLogOptions = {
  cluster: '11'.repeat(16),
  segmentBytes: 300_000,
  tailCacheBytes: 1_000,
  writeBytesMin: 1,
};
const FIRST = 'groups/5/0000000000000001';

function opening(disk: Disk, checkpointOp: number, options: Partial<GroupLogOptions> = {}, group = 5) {
  return GroupLog.open(disk, group, { ...OPTIONS, ...options }, plainChecksums, checkpointOp);
}

function open(disk: Disk, checkpointOp: number, options: Partial<GroupLogOptions> = {}) {
  const result = opening(disk, checkpointOp, options);
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return result.value;
}

function sync(disk: MemoryDisk, log: GroupLog): void {
  const answers: (StorageError | null)[] = [];
  log.sync((error) => answers.push(error));
  disk.pump();
  expect(answers).toEqual([null]);
}

/** A log with these batches (body sizes) and a noop after every third, all durable. */
function filled(disk: MemoryDisk, sizes: readonly number[], options: Partial<GroupLogOptions> = {}) {
  const { log } = open(disk, 0, options);
  const chain = new PrepareChain(5);
  const prepares: Prepare[] = [];
  const add = (prepare: Prepare) => {
    prepares.push(prepare);
    log.append(prepare);
  };
  sizes.forEach((size, i) => {
    add(chain.batch(size, 1 + (i % 4)));
    if (i % 3 === 2) add(chain.noop());
  });
  log.flush();
  disk.pump();
  sync(disk, log);
  return { log, chain, prepares };
}

function readOps(disk: MemoryDisk, log: GroupLog, first: number, last: number, bytesMax = 1 << 20) {
  const answers: { error: StorageError | null; prepares: Prepare[] }[] = [];
  log.readOps(first, last, bytesMax, (error, prepares) => answers.push({ error, prepares }));
  disk.pump();
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

function readFrom(disk: MemoryDisk, log: GroupLog, offset: number, bytesMax = 1 << 20) {
  const answers: { error: StorageError | null; chunk: LogChunk | null }[] = [];
  log.readFrom(offset, bytesMax, (error, chunk) => answers.push({ error, chunk }));
  disk.pump();
  expect(answers).toHaveLength(1);
  return answers[0]!;
}

/** Reads everything, piece by piece, by op. */
function allOps(disk: MemoryDisk, log: GroupLog, bytesMax: number): Prepare[] {
  const all: Prepare[] = [];
  while (all.length < log.endOp) {
    const { error, prepares } = readOps(disk, log, all.length + 1, log.endOp, bytesMax);
    expect(error).toBeNull();
    expect(prepares.length).toBeGreaterThan(0);
    all.push(...prepares);
  }
  return all;
}

const bytesOf = (prepares: readonly Prepare[]) => Buffer.concat(prepares.map(({ bytes }) => bytes));
const SIZES = Array.from({ length: 60 }, (_, i) => [100, 7_000, 40_000, 0, 15_000][i % 5]!);

describe('group log', () => {
  it('gives back every op, from memory and from disk, before and after a restart', () => {
    const disk = new MemoryDisk();
    const { log, prepares } = filled(disk, SIZES);
    const expected = bytesOf(prepares);
    expect(bytesOf(allOps(disk, log, 100_000)).equals(expected)).toBe(true);
    disk.crash();
    const { log: again, report } = open(disk, log.endOp);
    expect(report).toMatchObject({ outcome: 'present', indexesRebuilt: 0, cutBytes: 0 });
    expect(again).toMatchObject({
      endOp: log.endOp,
      endOffset: log.endOffset,
      headChecksum: log.headChecksum,
      headTimestamp: log.headTimestamp,
    });
    expect(bytesOf(allOps(disk, again, 100_000)).equals(expected)).toBe(true);
    const large = open(new MemoryDisk(), 0, { tailCacheBytes: 1 << 30 }).log;
    for (const prepare of prepares) large.append(prepare);
    expect(bytesOf(allOps(disk, large, 100_000)).equals(expected)).toBe(true);
  });

  it('reads, from any offset, whole prepares that begin with the batch which holds it', () => {
    const disk = new MemoryDisk();
    const { log, prepares } = filled(disk, SIZES);
    for (const bytesMax of [1, 50_000, 1 << 20]) {
      for (let offset = 0; offset < log.endOffset; offset++) {
        const { error, chunk } = readFrom(disk, log, offset, bytesMax);
        expect(error).toBeNull();
        const { firstOp, lastOp, firstOffset, nextOffset, records, bytes } = chunk!;
        const first = prepares[firstOp - 1]!.header;
        expect(first.count).toBeGreaterThan(0);
        expect(first.baseOffset).toBe(firstOffset);
        expect(firstOffset <= offset && offset < first.baseOffset + first.count).toBe(true);
        const read = prepares.slice(firstOp - 1, lastOp);
        expect(Buffer.concat(bytes).equals(bytesOf(read))).toBe(true);
        expect(nextOffset).toBe(firstOffset + records);
        expect(records).toBe(read.reduce((sum, { header }) => sum + header.count, 0));
        if (bytesMax === 1) expect(lastOp).toBe(firstOp);
      }
    }
    const { chunk } = readFrom(disk, log, log.endOffset);
    expect(chunk).toMatchObject({ bytes: [], records: 0, nextOffset: log.endOffset });
    expect(readFrom(disk, log, log.endOffset + 1).error?.code).toBe('outOfRange');
    expect(readOps(disk, log, log.endOp + 1, log.endOp + 2).error?.code).toBe('outOfRange');
  });

  it('rolls by content alone: the same ops make the same files, however they were written', () => {
    const one = new MemoryDisk();
    const { prepares } = filled(one, SIZES);
    const other = new MemoryDisk();
    let log = open(other, 0, { writeBytesMin: 200_000, tailCacheBytes: 1 << 20 }).log;
    for (const [i, prepare] of prepares.entries()) {
      log.append(prepare);
      log.flush();
      if (i % 7 === 0) other.pump(1);
      if (i % 23 === 22) {
        sync(other, log);
        other.crash();
        log = open(other, i + 1).log;
      }
    }
    sync(other, log);
    expect(one.paths.filter((path) => path.endsWith('.segment')).length).toBeGreaterThan(2);
    expect(other.paths).toEqual(one.paths);
    for (const path of one.paths) expect(other.content(path).equals(one.content(path))).toBe(true);
  });

  it('keeps what is not written in memory, one call at a time, and lets go of the rest', () => {
    const disk = new MemoryDisk();
    const { log } = open(disk, 0);
    const chain = new PrepareChain(5);
    const prepares = Array.from({ length: 30 }, () => chain.batch(5_000));
    for (const prepare of prepares) {
      log.append(prepare);
      log.flush();
      expect(disk.inFlight.length).toBeLessThanOrEqual(1);
    }
    expect(log.pendingBytes).toBe(30 * 5_128);
    expect(log.tailBytes).toBeGreaterThanOrEqual(30 * 5_128);
    expect(readOps(disk, log, 1, 30).prepares).toHaveLength(30);
    disk.pump();
    expect(log.pendingBytes).toBe(0);
    expect(log.tailBytes).toBeLessThanOrEqual(1_000);
  });

  it('counts a network read once, however many prepares are slices of it', () => {
    const { log } = open(new MemoryDisk(), 0);
    const chain = new PrepareChain(5);
    const read = Buffer.alloc(64 * 1024);
    for (let at = 0; at < 20; at++) {
      const { header, bytes } = chain.batch(100);
      bytes.copy(read, at * 1_000);
      log.append({ header, bytes: read.subarray(at * 1_000, at * 1_000 + bytes.length) });
    }
    expect(log.tailBytes).toBe(read.length);
  });

  it('writes nothing while little waits, until a sync asks for it', () => {
    const disk = new MemoryDisk();
    const { log } = open(disk, 0, { writeBytesMin: 10_000 });
    const chain = new PrepareChain(5);
    log.append(chain.batch(1_000));
    log.flush();
    expect(disk.inFlight).toEqual([]);
    sync(disk, log);
    expect(disk.unsynced(`${FIRST}.segment`)).toBe(0);
    expect(disk.content(`${FIRST}.segment`).length).toBe(128 + 1_128);
  });

  it('cuts what lies beyond the checkpoint, whole segments too, and goes on from there', () => {
    const disk = new MemoryDisk();
    const { log, prepares } = filled(disk, SIZES);
    const before = new Map(disk.paths.map((path) => [path, disk.content(path)]));
    for (const checkpointOp of [79, 41, 20, 3, 1, 0]) {
      const { log: cut, report } = open(disk, checkpointOp);
      expect(cut.endOp).toBe(checkpointOp);
      expect(cut.headChecksum).toBe(prepares[checkpointOp - 1]?.header.checksum ?? '0'.repeat(32));
      expect(report.cutBytes).toBeGreaterThan(0);
      for (const prepare of prepares.slice(checkpointOp)) cut.append(prepare);
      sync(disk, cut);
      expect(cut.endOp).toBe(log.endOp);
      expect(disk.paths).toEqual([...before.keys()]);
      for (const [path, content] of before) expect(disk.content(path).equals(content)).toBe(true);
    }
  });

  it('takes an index that names more away before it cuts: a crash then leaves none that is wrong', () => {
    const disk = new MemoryDisk();
    const { prepares } = filled(disk, SIZES);
    const { log: cut } = open(disk, 41);
    cut.append(prepares[41]!);
    cut.syncOps(() => undefined);
    disk.pump();
    const last = disk.paths.filter((path) => path.endsWith('.segment')).at(-1)!;
    expect(disk.paths).not.toContain(last.replace('.segment', '.index'));
    sync(disk, cut);
    expect(disk.paths).toContain(last.replace('.segment', '.index'));
  });

  it('makes a missing or wrong index again, and needs none to be right', () => {
    const disk = new MemoryDisk();
    const { log, prepares } = filled(disk, SIZES);
    const indexes = disk.paths.filter((path) => path.endsWith('.index'));
    disk.remove(indexes[0]!, () => undefined);
    disk.pump();
    disk.corrupt(indexes[1]!, 200);
    const again = open(disk, log.endOp);
    expect(again.report.indexesRebuilt).toBe(2);
    expect(bytesOf(allOps(disk, again.log, 200_000)).equals(bytesOf(prepares))).toBe(true);
    for (let offset = 0; offset < log.endOffset; offset += 5) {
      expect(readFrom(disk, again.log, offset).error).toBeNull();
    }
    sync(disk, again.log);
    expect(open(disk, log.endOp).report.indexesRebuilt).toBe(0);
  });

  it('reads no covered data at start when the indexes are there', () => {
    const disk = new MemoryDisk();
    const { log } = filled(disk, SIZES);
    const before = disk.trace.length;
    open(disk, log.endOp);
    const reads = disk.trace
      .slice(before)
      .filter(({ kind, path }) => kind === 'readSync' && path.endsWith('.segment'));
    expect(reads.every(({ position, length }) => position + length <= 128)).toBe(true);
  });

  it('recognises every damaged byte of an op when it is read, and serves its neighbours', () => {
    const disk = new MemoryDisk();
    const { log, prepares } = filled(disk, [300, 300, 300, 300]);
    disk.crash();
    const position = 128 + prepares[0]!.bytes.length;
    for (let byte = 0; byte < prepares[1]!.bytes.length; byte++) {
      disk.corrupt(`${FIRST}.segment`, position + byte, 1 << (byte % 8));
      const { log: again } = open(disk, log.endOp);
      expect(readOps(disk, again, 1, 5).prepares).toHaveLength(1);
      const { error } = readOps(disk, again, 2, 5);
      expect(error).toMatchObject({ code: 'damaged', op: 2, position, path: `${FIRST}.segment` });
      expect(readFrom(disk, again, prepares[1]!.header.baseOffset).error?.code).toBe('damaged');
      disk.corrupt(`${FIRST}.segment`, position + byte, 1 << (byte % 8));
    }
    expect(readOps(disk, open(disk, log.endOp).log, 1, 5).prepares).toHaveLength(5);
  });

  it('takes a shortened file for damage, at start or when it is read', () => {
    const disk = new MemoryDisk();
    const { log } = filled(disk, [300, 300], { tailCacheBytes: 1 });
    disk.truncate(`${FIRST}.segment`, 700, () => undefined);
    disk.pump();
    expect(readOps(disk, log, 1, 2).prepares).toHaveLength(1);
    expect(readOps(disk, log, 2, 2).error).toMatchObject({ code: 'damaged', op: 2 });
    expect(opening(disk, log.endOp)).toMatchObject({ ok: false, error: { code: 'unreadable' } });
  });

  it('tells empty, present and unreadable apart, and whose files it finds', () => {
    expect(open(new MemoryDisk(), 0).report.outcome).toBe('empty');
    expect(opening(new MemoryDisk(), 7)).toMatchObject({ ok: false, error: { code: 'unreadable' } });
    const code = (
      fault: 'io' | 'denied' | null,
      damage: number | null,
      options: Partial<GroupLogOptions> = {},
    ) => {
      let broken = false;
      const disk = new MemoryDisk({ fault: ({ kind }) => (broken && kind === 'list' ? fault : null) });
      const { log } = filled(disk, [300]);
      if (damage !== null) disk.corrupt(`${FIRST}.segment`, damage, 3);
      broken = true;
      const result = opening(disk, log.endOp, options);
      return result.ok ? 'ok' : result.error.code;
    };
    expect(code(null, null)).toBe('ok');
    expect(code('io', null)).toBe('unreadable');
    expect(code('denied', null)).toBe('unreadable');
    expect(code(null, 50)).toBe('unreadable');
    expect(code(null, 20)).toBe('newerFormat');
    expect(code(null, null, { cluster: '22'.repeat(16) })).toBe('otherCluster');
    const disk = new MemoryDisk();
    filled(disk, [300]);
    const bytes = disk.content(`${FIRST}.segment`);
    disk.makeDirectory('groups/6', () => undefined);
    disk.create('groups/6/0000000000000001.segment', 0, () => undefined);
    disk.write('groups/6/0000000000000001.segment', 0, [bytes], true, () => undefined);
    disk.pump();
    expect(opening(disk, 1, {}, 6)).toMatchObject({ ok: false, error: { code: 'otherGroup' } });
  });

  it('refuses when a segment below the checkpoint is missing', () => {
    const disk = new MemoryDisk();
    const { log } = filled(disk, SIZES);
    disk.remove(disk.paths.filter((path) => path.endsWith('.segment'))[1]!, () => undefined);
    disk.pump();
    expect(opening(disk, log.endOp)).toMatchObject({ ok: false, error: { code: 'unreadable' } });
  });

  it('fails every sync after a failed one, tries nothing again, and goes on reading', () => {
    let fail = false;
    const disk = new MemoryDisk({ fault: ({ kind }) => (fail && kind === 'sync' ? 'io' : null) });
    const { log, chain } = filled(disk, [300]);
    fail = true;
    const answers: (string | undefined)[] = [];
    log.append(chain.batch(300));
    log.sync((error) => answers.push(error?.code));
    disk.pump();
    fail = false;
    const before = disk.trace.length;
    log.sync((error) => answers.push(error?.code));
    disk.pump();
    expect(answers).toEqual(['diskFailed', 'diskFailed']);
    expect(disk.trace.length).toBe(before);
    expect(log.failure?.code).toBe('io');
    expect(readOps(disk, log, 1, 2).error).toBeNull();
  });

  it('has, after a crash at any call, all that was synced', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(20_000), { minLength: 1, maxLength: 25 }),
        fc.nat(120),
        fc.infiniteStream(fc.nat(11)),
        (sizes, calls, fates) => {
          const disk = new MemoryDisk();
          const { log } = open(disk, 0, { segmentBytes: 60_000 });
          const chain = new PrepareChain(5);
          const prepares: Prepare[] = [];
          let durable = 0;
          let left = calls;
          for (const size of sizes) {
            const prepare = chain.batch(size);
            prepares.push(prepare);
            log.append(prepare);
            log.flush();
            const { op } = prepare.header;
            if (op % 4 === 0) log.sync(() => (durable = Math.max(durable, op)));
            left -= disk.pump(Math.min(left, 3));
          }
          disk.pump(left);
          disk.crash({ below: (bound) => fates.next().value % bound });
          const { log: again } = open(disk, durable, { segmentBytes: 60_000 });
          const found = durable === 0 ? [] : allOps(disk, again, 100_000);
          expect(bytesOf(found).equals(bytesOf(prepares.slice(0, durable)))).toBe(true);
          for (const prepare of prepares.slice(durable)) again.append(prepare);
          sync(disk, again);
          disk.crash();
          const last = open(disk, prepares.length, { segmentBytes: 60_000 }).log;
          expect(bytesOf(allOps(disk, last, 100_000)).equals(bytesOf(prepares))).toBe(true);
        },
      ),
      { numRuns: 150, seed: 20261124 },
    );
  });

  it('throws at an op that does not follow', () => {
    const { log } = open(new MemoryDisk(), 0);
    const chain = new PrepareChain(5);
    chain.batch(10);
    expect(() => log.append(chain.batch(10))).toThrow(/does not follow/);
  });
});
