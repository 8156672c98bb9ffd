import { describe, expect, it } from 'vitest';
import { Prng } from './prng.ts';
import { Scheduler } from './scheduler.ts';
import { SimDisk } from './sim-disk.ts';
import { SimFile, sectorSize } from './sim-file.ts';
import { Trace } from './trace.ts';

function make() {
  const scheduler = new Scheduler(Prng.fromSeed(1));
  const profile = { latencyMin: 10, latencyMean: 100, syncMean: 100 };
  const disk = new SimDisk(0, scheduler, Prng.fromSeed(2), profile, new Trace(null));
  disk.place('a', Buffer.alloc(sectorSize, 1));
  const view = disk.open(
    (run) => run(),
    () => true,
  );
  const settle = () => {
    while (scheduler.step());
  };
  return { disk, view, settle };
}

describe('a disk that refuses', () => {
  it('fails one sync, and what it covered does not survive the power, whatever is synced later', () => {
    const { disk, view, settle } = make();
    const codes: (string | undefined)[] = [];
    disk.errors.syncs = 1;
    view.write('a', 0, [Buffer.alloc(sectorSize, 2)], true, (error) => codes.push(error?.code));
    settle();
    view.sync('a', (error) => codes.push(error?.code));
    settle();
    expect(codes).toEqual(['io', undefined]);
    expect(disk.errors.handedOut).toBe(true);
    disk.crash(true);
    expect(view.readSync('a', 0, 1)[0]).toBe(1);
  });

  it('shows or drops what a failed sync left in the cache', () => {
    const seen = new Set<number>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const file = new SimFile(sectorSize);
      file.write(0, Buffer.alloc(sectorSize, 9));
      file.failSync(Prng.fromSeed(seed));
      seen.add(file.read(0, 1)[0]!);
      // Written again and synced, it is there for good.
      file.write(0, Buffer.alloc(sectorSize, 5));
      file.sync();
      file.crash(Prng.fromSeed(seed), 0);
      expect(file.read(0, 1)[0]).toBe(5);
    }
    expect(seen).toEqual(new Set([0, 9]));
  });

  it('fails so many reads, at the start and later', () => {
    const { disk, view, settle } = make();
    disk.errors.reads = 2;
    expect(() => view.readSync('a', 0, 1)).toThrow('EIO');
    const answers: [string | undefined, number][] = [];
    for (let index = 0; index < 2; index += 1) {
      view.read('a', 0, 4, (error, bytes) => answers.push([error?.code, bytes.length]));
    }
    settle();
    expect(answers).toEqual([
      ['io', 0],
      [undefined, 4],
    ]);
  });

  it('when full, makes nothing and lets nothing grow, and writes in place', () => {
    const { disk, view, settle } = make();
    disk.errors.isFull = true;
    const codes: (string | undefined)[] = [];
    view.create('b', 10, (error) => codes.push(error?.code));
    view.write('a', sectorSize, [Buffer.of(1)], false, (error) => codes.push(error?.code));
    view.write('a', 0, [Buffer.of(7)], true, (error) => codes.push(error?.code));
    settle();
    expect(codes.sort()).toEqual(['noSpace', 'noSpace', undefined]);
    expect([view.size('a'), view.size('b'), view.readSync('a', 0, 1)[0]]).toEqual([sectorSize, null, 7]);
  });

  it('keeps damage over a restart and a power cut, until the place is written', () => {
    const { disk, view, settle } = make();
    disk.damage('a', 10, Buffer.of(0xee));
    disk.crash(true);
    expect(disk.reader().readSync('a', 9, 3)).toEqual(Buffer.from([1, 0xee, 1]));
    view.write('a', 10, [Buffer.of(4)], true, () => undefined);
    settle();
    disk.damage('a', sectorSize - 1, Buffer.from([3, 3, 3]));
    expect(disk.reader().size('a')).toBe(sectorSize);
  });

  it('loses the files of a directory, or everything', () => {
    const { disk, view } = make();
    disk.place('journal/1', Buffer.of(1));
    disk.removeBelow('journal');
    expect([disk.list('journal'), view.size('a')]).toEqual([[], sectorSize]);
    disk.wipe();
    expect(() => view.readSync('a', 0, 1)).toThrow('does not exist');
    expect(disk.list('')).toEqual([]);
  });
});
