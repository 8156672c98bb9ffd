import type { Prepare } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, PrepareChain, plainChecksums } from '../testing/index.ts';
import { GroupLog } from './group-log.ts';

const OPTIONS = { cluster: '11'.repeat(16), segmentBytes: 60_000, tailCacheBytes: 1_000, writeBytesMin: 1 };

function keeping(disk: MemoryDisk, checkpointOp: number) {
  const kept: Prepare[] = [];
  const result = GroupLog.open(disk, 5, OPTIONS, plainChecksums, checkpointOp, (prepare) =>
    kept.push(prepare),
  );
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`);
  return { ...result.value, kept };
}

/** Twenty batches over four segments; all written, synced up to and including op `syncedOp`. */
function written(syncedOp: number) {
  const disk = new MemoryDisk();
  const { log } = keeping(disk, 0);
  const chain = new PrepareChain(5);
  const prepares: Prepare[] = [];
  for (let op = 1; op <= 20; op++) {
    const prepare = chain.batch(9_000);
    prepares.push(prepare);
    log.append(prepare);
    log.flush();
    disk.pump();
    if (op === syncedOp) log.syncOps(() => {});
    disk.pump();
  }
  return { disk, prepares, chain };
}

const bytesOf = (prepares: readonly Prepare[]) => Buffer.concat(prepares.map(({ bytes }) => bytes));
const segmentsOf = (disk: MemoryDisk) => disk.paths.filter((path) => path.endsWith('.segment'));

function synced(disk: MemoryDisk, log: GroupLog, how: 'sync' | 'syncOps' = 'sync'): void {
  let answer: unknown;
  log[how]((error) => {
    answer = error;
  });
  disk.pump();
  expect(answer).toBeNull();
}

describe('what lies beyond the checkpoint', () => {
  it.each([0, 1, 6, 13, 20])('is kept and handed over, in order, from op %i on', (checkpointOp) => {
    const { disk, prepares } = written(20);
    const { log, kept, report } = keeping(disk, checkpointOp);
    expect(bytesOf(kept).equals(bytesOf(prepares.slice(checkpointOp)))).toBe(true);
    expect(report).toMatchObject({ keptOps: 20 - checkpointOp, cutBytes: 0 });
    expect([log.endOp, log.headChecksum]).toEqual([20, prepares[19]!.header.checksum]);
  });

  it('ends where a byte is damaged, and what follows is cut before anything is written', () => {
    const { disk, prepares, chain } = written(20);
    const path = segmentsOf(disk)[1]!;
    const size = disk.content(path).length;
    for (const position of [40, 130, 128 + 9_128 + 127, 128 + 9_128 + 500, size - 1]) {
      const other = new MemoryDisk();
      for (const name of segmentsOf(disk)) {
        other.makeDirectory('groups/5', () => {});
        other.create(name, 0, () => {});
        other.write(name, 0, [disk.content(name)], true, () => {});
      }
      other.pump();
      other.corrupt(path, position);
      const { log, kept, report } = keeping(other, 3);
      const end = log.endOp;
      expect(end).toBeLessThan(20);
      expect(bytesOf(kept).equals(bytesOf(prepares.slice(3, end)))).toBe(true);
      expect(report.cutBytes).toBeGreaterThan(0);
      for (const prepare of prepares.slice(end)) log.append(prepare);
      synced(other, log);
      for (const name of segmentsOf(disk)) expect(other.content(name).equals(disk.content(name))).toBe(true);
    }
    expect(chain.op).toBe(20);
  });

  it('is on stable storage after the next sync, though it was only read', () => {
    const { disk } = written(4);
    disk.crash({ processOnly: true });
    const { log } = keeping(disk, 0);
    expect(log.endOp).toBe(20);
    synced(disk, log);
    disk.crash();
    expect(keeping(disk, 0).log.endOp).toBe(20);
  });

  it('is written again before that sync: after one that failed the kernel shows what no disk has', () => {
    const { disk } = written(4);
    disk.crash({ processOnly: true });
    const { log } = keeping(disk, 4);
    const before = disk.trace.length;
    synced(disk, log, 'syncOps');
    const calls = disk.trace.slice(before);
    const rewritten = new Map<string, number>();
    for (const { kind, path, length } of calls) {
      if (kind === 'write') rewritten.set(path, (rewritten.get(path) ?? 0) + length);
    }
    const [first, ...rest] = segmentsOf(disk);
    // The last of its ops lie beyond the checkpoint, or none: the other files do as a whole, their heads too.
    for (const path of rest) expect(rewritten.get(path), path).toBe(disk.size(path));
    expect(rewritten.get(first!) ?? 0).toBeLessThan(disk.size(first!) as number);
    const lastWrite = calls.findLastIndex(({ kind }) => kind === 'write');
    expect(calls.slice(lastWrite).filter(({ kind }) => kind === 'sync').length).toBeGreaterThanOrEqual(
      rest.length,
    );
    synced(disk, log, 'syncOps');
    expect(disk.trace.slice(before + calls.length).filter(({ kind }) => kind === 'write')).toEqual([]);
  });

  it('refuses a file of a newer format or of another cluster, and cuts nothing then', () => {
    const { disk } = written(20);
    const result = GroupLog.open(
      disk,
      5,
      { ...OPTIONS, cluster: '22'.repeat(16) },
      plainChecksums,
      0,
      () => {},
    );
    expect(result).toMatchObject({ ok: false, error: { code: 'otherCluster' } });
    disk.corrupt(segmentsOf(disk)[2]!, 20, 2);
    const newer = GroupLog.open(disk, 5, OPTIONS, plainChecksums, 3, () => {});
    expect(newer).toMatchObject({ ok: false, error: { code: 'newerFormat' } });
  });

  it('refuses when the disk can not read it: that is not "absent"', () => {
    let broken = false;
    const disk = new MemoryDisk({
      fault: ({ kind, position }) => (broken && kind === 'readSync' && position > 0 ? 'io' : null),
    });
    const { log } = keeping(disk, 0);
    const chain = new PrepareChain(5);
    for (let i = 0; i < 3; i++) log.append(chain.batch(100));
    synced(disk, log);
    broken = true;
    const result = GroupLog.open(disk, 5, OPTIONS, plainChecksums, 0, () => {});
    expect(result).toMatchObject({ ok: false, error: { code: 'unreadable' } });
  });

  it('holds, after a power cut at any moment, all that was synced, and nothing that was not appended', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.infiniteStream(fc.nat(11)), (syncedOp, fates) => {
        const { disk, prepares } = written(syncedOp);
        disk.crash({ below: (bound) => fates.next().value % bound });
        const { log, kept } = keeping(disk, 0);
        expect(log.endOp).toBeGreaterThanOrEqual(syncedOp);
        expect(bytesOf(kept).equals(bytesOf(prepares.slice(0, log.endOp)))).toBe(true);
        for (const prepare of prepares.slice(log.endOp)) log.append(prepare);
        synced(disk, log);
        disk.crash();
        expect(keeping(disk, 20).log.endOp).toBe(20);
      }),
      { numRuns: 100, seed: 20261124 },
    );
  });
});

describe('a sync of the ops alone', () => {
  it('makes them durable and leaves the indexes for the next whole sync', () => {
    const { disk, prepares } = written(20);
    expect(disk.paths.some((path) => path.endsWith('.index'))).toBe(false);
    disk.crash();
    const { log } = keeping(disk, 0);
    expect(log.endOp).toBe(20);
    synced(disk, log, 'syncOps');
    expect(disk.paths.some((path) => path.endsWith('.index'))).toBe(false);
    synced(disk, log);
    expect(disk.paths.filter((path) => path.endsWith('.index'))).toHaveLength(segmentsOf(disk).length);
    expect(prepares).toHaveLength(20);
  });

  it('fails for good when the disk does', () => {
    let broken = false;
    const disk = new MemoryDisk({ fault: ({ kind }) => (broken && kind === 'sync' ? 'io' : null) });
    const { log } = keeping(disk, 0);
    log.append(new PrepareChain(5).batch(100));
    broken = true;
    const answers: unknown[] = [];
    log.syncOps((error) => answers.push(error?.code));
    disk.pump();
    log.syncOps((error) => answers.push(error?.code));
    expect(answers).toEqual(['diskFailed', 'diskFailed']);
  });
});
