import { describe, expect, it } from 'vitest';
import { DiskError } from '../disk.ts';
import { MemoryDisk } from './memory-disk.ts';
import { SeededRandom } from './prepare-chain.ts';

const ignore = () => undefined;

function withFile(size = 0, options = {}): MemoryDisk {
  const disk = new MemoryDisk(options);
  disk.makeDirectory('d/e', ignore);
  disk.create('d/e/f', size, ignore);
  disk.pump();
  return disk;
}

const text = (disk: MemoryDisk) => disk.readSync('d/e/f', 0, 100).toString();

describe('memory disk', () => {
  it('does nothing before it is pumped, and then in order', () => {
    const disk = withFile();
    const order: string[] = [];
    disk.write('d/e/f', 0, [Buffer.from('ab'), Buffer.from('c')], false, () => order.push('write'));
    disk.read('d/e/f', 1, 10, (error, bytes) => order.push(`read ${error} ${bytes}`));
    expect(order).toEqual([]);
    expect(text(disk)).toBe('');
    expect(disk.pump(1)).toBe(1);
    expect(order).toEqual(['write']);
    disk.pump();
    expect(order).toEqual(['write', 'read null bc']);
    expect(disk.trace.map(({ kind }) => kind)).toEqual([
      'makeDirectory',
      'create',
      'write',
      'read',
      'readSync',
    ]);
  });

  it('completes by itself when given a schedule, never before the call returns', () => {
    const runs: (() => void)[] = [];
    const disk = new MemoryDisk({ schedule: (run) => runs.push(run) });
    let done = false;
    disk.makeDirectory('d', () => {
      done = true;
    });
    expect(done).toBe(false);
    for (const run of runs) run();
    expect(done).toBe(true);
  });

  it('loses at a crash what was not synced, and what was in flight, and answers nobody afterwards', () => {
    const disk = withFile(4);
    disk.write('d/e/f', 0, [Buffer.from('a')], false, ignore);
    disk.sync('d/e/f', ignore);
    disk.write('d/e/f', 1, [Buffer.from('b')], false, ignore);
    disk.pump();
    let answered = false;
    disk.write('d/e/f', 2, [Buffer.from('c')], true, () => {
      answered = true;
    });
    expect(disk.unsynced('d/e/f')).toBe(1);
    disk.crash();
    disk.pump();
    expect(answered).toBe(false);
    expect(text(disk)).toBe('a\0\0\0');
  });

  it('makes earlier writes of the file durable with a durable one', () => {
    const disk = withFile(3);
    disk.write('d/e/f', 0, [Buffer.from('a')], false, ignore);
    disk.write('d/e/f', 1, [Buffer.from('b')], true, ignore);
    disk.pump();
    disk.crash();
    expect(text(disk)).toBe('ab\0');
  });

  it('keeps, when only the process dies, what was completed', () => {
    const disk = withFile();
    disk.write('d/e/f', 0, [Buffer.from('a')], false, ignore);
    disk.pump();
    disk.crash({ processOnly: true });
    expect(text(disk)).toBe('a');
    disk.crash();
    expect(text(disk)).toBe('');
  });

  it('tears at sectors: each is old or new, and all outcomes happen', () => {
    const random = new SeededRandom(1);
    const outcomes = new Set<string>();
    for (let i = 0; i < 300; i++) {
      const disk = withFile(2048);
      disk.write('d/e/f', 100, [Buffer.alloc(1400, 0x61)], true, ignore);
      disk.crash({ below: random.below });
      const bytes = disk.content('d/e/f');
      const pieces = [
        [100, 512],
        [512, 1024],
        [1024, 1500],
      ].map(([from, to]) => {
        const piece = bytes.subarray(from, to);
        expect(piece.every((byte) => byte === piece[0])).toBe(true);
        return piece[0] === 0x61 ? 'x' : '.';
      });
      outcomes.add(pieces.join(''));
      expect(bytes.subarray(0, 100).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(1500).every((byte) => byte === 0)).toBe(true);
    }
    expect(outcomes.size).toBe(8);
  });

  it('may or may not have made a file, renamed it, removed it, when a crash cuts the call off', () => {
    const random = new SeededRandom(2);
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const disk = withFile();
      disk.rename('d/e/f', 'd/g', ignore);
      disk.create('d/h', 8, ignore);
      disk.crash(i % 2 === 0 ? { below: random.below } : {});
      seen.add(disk.paths.map((path) => `${path}:${disk.size(path)}`).join(' '));
    }
    const before = ['d/e/f:0', 'd/e/f:0 d/h:4', 'd/e/f:0 d/h:8'];
    expect([...seen].sort()).toEqual(
      [...before, ...before.map((name) => name.replace('d/e/f', 'd/g'))].sort(),
    );
  });

  it('fails as told, by kind of call, now or at completion', () => {
    const disk = withFile(0, {
      fault: ({ kind }: { kind: string }) => (kind === 'sync' ? 'io' : kind === 'size' ? 'denied' : null),
    });
    const errors: unknown[] = [];
    disk.sync('d/e/f', (error) => errors.push(error?.code));
    disk.write('d/e/none', 0, [Buffer.from('a')], false, (error) => errors.push(error?.code));
    disk.create('no/such', 1, (error) => errors.push(error?.code));
    disk.pump();
    expect(errors).toEqual(['io', 'notFound', 'notFound']);
    expect(() => disk.size('d/e/f')).toThrow(DiskError);
    expect(() => disk.list('nowhere')).toThrow(/no nowhere/);
    expect(disk.list('d')).toEqual(['e']);
  });

  it('notices a buffer that is changed before its write completes', () => {
    const disk = withFile();
    const bytes = Buffer.from('abc');
    disk.write('d/e/f', 0, [bytes], false, ignore);
    bytes[0] = 0;
    expect(() => disk.pump()).toThrow(/was changed/);
  });

  it('completes any call in flight, but none before an earlier one of the same file', () => {
    const disk = withFile();
    disk.create('d/x', 0, ignore);
    disk.write('d/e/f', 0, [Buffer.from('a')], false, ignore);
    disk.write('d/e/f', 0, [Buffer.from('b')], false, ignore);
    const [, first, second] = disk.inFlight.map(({ id }) => id);
    expect(() => disk.complete(second!)).toThrow(/overtake/);
    disk.complete(first!);
    disk.complete(second!);
    expect(text(disk)).toBe('b');
    expect(disk.inFlight.map(({ path }) => path)).toEqual(['d/x']);
  });

  it('cuts files, durably only with a sync', () => {
    const disk = withFile(10);
    disk.truncate('d/e/f', 3, ignore);
    disk.pump();
    expect(disk.size('d/e/f')).toBe(3);
    disk.crash();
    expect(disk.size('d/e/f')).toBe(10);
    disk.truncate('d/e/f', 3, ignore);
    disk.sync('d/e/f', ignore);
    disk.pump();
    disk.crash();
    expect(disk.size('d/e/f')).toBe(3);
  });
});
