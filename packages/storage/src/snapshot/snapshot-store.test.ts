import { writeChecksum } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryDisk, plainChecksums, SeededRandom } from '../testing/index.ts';
import { SnapshotStore } from './snapshot-store.ts';

const A = 'groups/9/snapshot-a';
const B = 'groups/9/snapshot-b';

function open(disk: MemoryDisk, group = 9) {
  const result = SnapshotStore.open(disk, group, plainChecksums);
  return result.ok ? result.value : result.error.code;
}

function store(disk: MemoryDisk): SnapshotStore {
  const found = open(disk);
  if (typeof found === 'string') throw new Error(found);
  return found.store;
}

function write(disk: MemoryDisk, snapshots: SnapshotStore, op: number): void {
  const answers: unknown[] = [];
  snapshots.write(op, Buffer.from(`state at ${op}`), (error) => answers.push(error));
  disk.pump();
  expect(answers).toEqual([null]);
}

describe('snapshots', () => {
  it('is empty at first, then gives back the newest, over restarts', () => {
    const disk = new MemoryDisk();
    expect(open(disk)).toMatchObject({ latest: null, damaged: null });
    for (let op = 10; op <= 50; op += 10) {
      write(disk, store(disk), op);
      disk.crash();
      expect(open(disk)).toMatchObject({
        latest: { sequence: op / 10, op, bytes: Buffer.from(`state at ${op}`) },
        damaged: null,
      });
    }
    expect(disk.paths).toEqual([A, B]);
  });

  it('never loses both slots, wherever a crash falls', () => {
    let kept = 0;
    let replaced = 0;
    for (let seed = 1; seed <= 80; seed++) {
      const random = new SeededRandom(seed);
      const disk = new MemoryDisk();
      const snapshots = store(disk);
      write(disk, snapshots, 10);
      if (seed % 2 === 0) write(disk, snapshots, 20);
      const before = seed % 2 === 0 ? 20 : 10;
      let done = false;
      snapshots.write(30, Buffer.alloc(3000, seed), () => {
        done = true;
      });
      disk.pump(seed % 5);
      disk.crash({ below: random.below });
      const found = open(disk);
      if (typeof found === 'string') throw new Error(found);
      expect(found.damaged).toBeNull();
      expect([before, 30]).toContain(found.latest?.op);
      if (done) expect(found.latest?.op).toBe(30);
      if (found.latest?.op === 30) replaced += 1;
      else kept += 1;
    }
    expect(Math.min(kept, replaced)).toBeGreaterThan(5);
  });

  it('falls back to the other slot and says so, then writes over the damaged one', () => {
    const disk = new MemoryDisk();
    write(disk, store(disk), 10);
    write(disk, store(disk), 20);
    disk.corrupt(B, 70);
    const found = open(disk);
    expect(found).toMatchObject({ latest: { op: 10 }, damaged: B });
    write(disk, store(disk), 25);
    expect(open(disk)).toMatchObject({ latest: { op: 25 }, damaged: null });
  });

  it('is unreadable, never empty, when what was written cannot be read', () => {
    const disk = new MemoryDisk();
    write(disk, store(disk), 10);
    disk.corrupt(A, 10);
    expect(open(disk)).toBe('unreadable');
    disk.corrupt(A, 10);
    write(disk, store(disk), 20);
    disk.corrupt(A, 10);
    disk.corrupt(B, 10);
    expect(open(disk)).toBe('unreadable');
    const broken = new MemoryDisk({ fault: ({ kind }) => (kind === 'size' ? 'io' : null) });
    expect(open(broken)).toBe('unreadable');
  });

  it('refuses a later format and another group', () => {
    const disk = new MemoryDisk();
    write(disk, store(disk), 10);
    disk.makeDirectory('groups/8', () => undefined);
    disk.rename(A, 'groups/8/snapshot-a', () => undefined);
    disk.pump();
    expect(open(disk, 8)).toBe('otherGroup');
    disk.corrupt('groups/8/snapshot-a', 20, 3);
    expect(open(disk, 8)).toBe('newerFormat');
  });

  it('refuses reserved bytes that are set, whatever the checksum says', () => {
    const reserved = [22, 23, ...Array.from({ length: 12 }, (_, i) => 52 + i)];
    fc.assert(
      fc.property(fc.constantFrom(...reserved), fc.nat(7), (at, bit) => {
        const disk = new MemoryDisk();
        write(disk, store(disk), 10);
        const bytes = Buffer.from(disk.content(A));
        bytes[at] = bytes[at]! ^ (1 << bit);
        writeChecksum(bytes, plainChecksums.identity(bytes.subarray(16)), 0);
        disk.write(A, 0, [bytes], true, () => undefined);
        disk.pump();
        expect(open(disk)).toBe('unreadable');
      }),
    );
  });

  it('reports a disk that refuses, and takes one write at a time', () => {
    let full = true;
    const disk = new MemoryDisk({ fault: ({ kind }) => (full && kind === 'write' ? 'noSpace' : null) });
    const snapshots = store(disk);
    const answers: unknown[] = [];
    snapshots.write(10, Buffer.from('x'), (error) => answers.push(error?.code));
    expect(() => snapshots.write(11, Buffer.from('y'), () => undefined)).toThrow(/being written/);
    disk.pump();
    expect(answers).toEqual(['diskFailed']);
    full = false;
    write(disk, snapshots, 12);
    expect(open(disk)).toMatchObject({ latest: { op: 12, sequence: 1 } });
  });
});
