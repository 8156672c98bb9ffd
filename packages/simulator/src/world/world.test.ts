import { describe, expect, it } from 'vitest';
import { Prng } from './prng.ts';
import { Scheduler } from './scheduler.ts';
import { SimDisk } from './sim-disk.ts';
import { SimFile, sectorSize } from './sim-file.ts';
import { type Endpoint, type NetworkProfile, SimNetwork } from './sim-network.ts';
import { Trace } from './trace.ts';

const seeds = Array.from({ length: 40 }, (_, index) => index + 1);

describe('Prng', () => {
  it('draws the same numbers from the same seed, and others from another', () => {
    const draw = (seed: number) =>
      Array.from(
        { length: 5 },
        (
          (random) => () =>
            random.u32()
        )(Prng.fromSeed(seed)),
      );
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    expect(draw(1)).not.toEqual(draw(1 + 2 ** 32));
  });

  it('forks by label alone, whatever was drawn before', () => {
    const fresh = Prng.fromSeed(7);
    const used = Prng.fromSeed(7);
    for (let index = 0; index < 100; index += 1) used.u32();
    expect(used.fork('a').u32()).toBe(fresh.fork('a').u32());
    expect(fresh.fork('a').u32()).not.toBe(fresh.fork('b').u32());
    expect(fresh.fork('a').fork('b').u32()).not.toBe(fresh.fork('b').fork('a').u32());
  });

  it('spreads evenly', () => {
    const random = Prng.fromSeed(3);
    const counts = Array.from({ length: 10 }, () => 0);
    for (let index = 0; index < 10_000; index += 1) counts[random.below(10)]! += 1;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});

describe('Scheduler', () => {
  it('runs events in order of time, and equal times in a drawn but repeatable order', () => {
    const orders = seeds.map((seed) => {
      const run = () => {
        const scheduler = new Scheduler(Prng.fromSeed(seed));
        const order: string[] = [];
        scheduler.after(20, () => order.push('late'));
        for (const name of ['a', 'b', 'c']) scheduler.after(10, () => order.push(name));
        while (scheduler.step());
        return order.join('');
      };
      expect(run()).toBe(run());
      return run();
    });
    for (const order of orders) expect(order.endsWith('late')).toBe(true);
    expect(new Set(orders).size).toBeGreaterThan(3);
  });

  it('skips what was cancelled and stops at a time', () => {
    const scheduler = new Scheduler(Prng.fromSeed(1));
    let ran = 0;
    scheduler.after(1, () => ran++).cancelled = true;
    scheduler.after(2, () => ran++);
    scheduler.after(50, () => ran++);
    expect(scheduler.runUntil(10, () => false)).toBe(false);
    expect([ran, scheduler.now]).toEqual([1, 10]);
  });
});

describe('SimFile', () => {
  const filled = (byte: number) => Buffer.alloc(sectorSize * 4, byte);

  it('keeps what was synced, whatever a crash takes', () => {
    for (const seed of seeds) {
      const file = new SimFile(0);
      file.write(0, filled(1));
      file.sync();
      file.write(sectorSize, Buffer.alloc(sectorSize, 2));
      file.crash(Prng.fromSeed(seed), 500);
      const sectors = [0, 1, 2, 3].map((sector) => new Set(file.read(sector * sectorSize, sectorSize)));
      expect([0, 2, 3].map((sector) => [...sectors[sector]!])).toEqual([[1], [1], [1]]);
      expect([[1], [2]]).toContainEqual([...sectors[1]!]);
    }
  });

  it('tears at sectors: over many crashes each sector is kept and lost', () => {
    const kept = new Set<string>();
    for (const seed of seeds) {
      const file = new SimFile(filled(0).length);
      file.write(0, filled(9));
      file.crash(Prng.fromSeed(seed), 500);
      for (let sector = 0; sector < 4; sector += 1) {
        const bytes = file.read(sector * sectorSize, sectorSize);
        expect(new Set(bytes).size).toBe(1);
        kept.add(`${sector}:${bytes[0]}`);
      }
    }
    expect(kept.size).toBe(8);
  });

  it('brings back the old bytes when a truncation was not synced', () => {
    const file = new SimFile(0);
    file.write(0, filled(5));
    file.sync();
    file.truncate(10);
    expect(file.size).toBe(10);
    file.crash(Prng.fromSeed(1), 0);
    expect(file.read(0, file.size).equals(filled(5))).toBe(true);
    file.truncate(10);
    file.sync();
    file.crash(Prng.fromSeed(1), 0);
    expect(file.size).toBe(10);
  });
});

describe('SimDisk', () => {
  const make = () => {
    const scheduler = new Scheduler(Prng.fromSeed(1));
    const profile = { latencyMin: 10, latencyMean: 100, syncMean: 100 };
    const disk = new SimDisk(0, scheduler, Prng.fromSeed(2), profile, new Trace(null));
    return { scheduler, disk };
  };

  it('completes later, in the order of the calls on one file, and keeps durable writes', () => {
    const { scheduler, disk } = make();
    const order: number[] = [];
    const view = disk.open(
      (run) => run(),
      () => true,
    );
    disk.place('a', Buffer.alloc(0));
    for (let index = 0; index < 8; index += 1) {
      view.write('a', index, [Buffer.of(index)], index % 2 === 1, () => order.push(index));
    }
    expect(order).toEqual([]);
    while (scheduler.step());
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    disk.crash(true);
    expect([...view.readSync('a', 0, 8)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('tells nothing to a process that is gone', () => {
    const { scheduler, disk } = make();
    let told = 0;
    disk
      .open(
        (run) => run(),
        () => true,
      )
      .create('a', 10, () => told++);
    disk.crash(false);
    while (scheduler.step());
    expect(told).toBe(0);
  });

  it('reports what is absent as absent', () => {
    const { scheduler, disk } = make();
    const view = disk.open(
      (run) => run(),
      () => true,
    );
    expect(view.size('x')).toBeNull();
    expect(() => view.readSync('x', 0, 1)).toThrow('x does not exist');
    expect(() => view.list('x')).toThrow('x does not exist');
    const codes: (string | undefined)[] = [];
    view.write('x', 0, [Buffer.of(1)], false, (error) => codes.push(error?.code));
    view.create('missing/x', 0, (error) => codes.push(error?.code));
    while (scheduler.step());
    expect(codes).toEqual(['notFound', 'notFound']);
  });
});

describe('SimNetwork', () => {
  const quiet: NetworkProfile = {
    delayMin: 10,
    delayMean: 50,
    lossPerMille: 0,
    duplicatePerMille: 0,
    splitPerMille: 500,
  };
  class Recorder implements Endpoint {
    readonly bytes: Buffer[] = [];
    connection = -1;
    isClosed = false;
    failed: boolean | null = null;
    accepted(connection: number): void {
      this.connection = connection;
    }
    dialed(connection: number): void {
      this.connection = connection;
    }
    dialFailed(_peer: number, _channel: string, refused: boolean): void {
      this.failed = refused;
    }
    received(_connection: number, chunk: Buffer): void {
      this.bytes.push(Buffer.from(chunk));
    }
    closed(): void {
      this.isClosed = true;
    }
  }
  const frame = (kind: number, size: number) => {
    const bytes = Buffer.alloc(size, 7);
    bytes.writeUInt32LE(size, 0);
    bytes[4] = kind;
    return bytes;
  };
  const connect = (profile: NetworkProfile, seed = 1) => {
    const scheduler = new Scheduler(Prng.fromSeed(seed));
    const network = new SimNetwork(scheduler, Prng.fromSeed(seed), profile, new Trace(null));
    const [dialer, listener] = [new Recorder(), new Recorder()];
    network.listen(1, listener);
    network.dial(0, dialer, 1, 'protocol');
    while (scheduler.step());
    return { scheduler, network, dialer, listener };
  };

  it('delivers every byte in order, cut anywhere', () => {
    const { scheduler, network, dialer, listener } = connect(quiet);
    const sent = [40, 50, 60, 70].map((size) => frame(16, size));
    for (const each of sent) network.send(dialer.connection, [each.subarray(0, 20), each.subarray(20)]);
    while (scheduler.step());
    expect(Buffer.concat(listener.bytes).equals(Buffer.concat(sent))).toBe(true);
  });

  it('loses and repeats frames between replicas only', () => {
    const lossy = { ...quiet, splitPerMille: 0, lossPerMille: 300, duplicatePerMille: 300 };
    const { scheduler, network, dialer, listener } = connect(lossy);
    for (let index = 0; index < 200; index += 1)
      network.send(dialer.connection, [frame(16, 33), frame(64, 34)]);
    while (scheduler.step());
    expect(listener.bytes.filter((bytes) => bytes[4] === 16)).toHaveLength(200);
    const replica = listener.bytes.filter((bytes) => bytes[4] === 64).length;
    expect(replica).toBeGreaterThan(150);
    expect(replica).not.toBe(200);
  });

  it('refuses a dial when nobody listens, and lets it time out when the link is cut', () => {
    const { scheduler, network } = connect(quiet);
    const [refused, cut] = [new Recorder(), new Recorder()];
    network.dial(0, refused, 9, 'protocol');
    network.cut(1, 0);
    network.dial(0, cut, 1, 'protocol');
    while (scheduler.step());
    expect([refused.failed, cut.failed]).toEqual([true, false]);
  });

  it('holds what is sent over a cut link; when it heals all of it arrives, or the connection is reset', () => {
    const outcomes = new Set<string>();
    for (const seed of seeds) {
      const { scheduler, network, dialer, listener } = connect(quiet, seed);
      network.cut(0, 1);
      network.send(dialer.connection, [frame(16, 40)]);
      network.send(dialer.connection, [frame(16, 41)]);
      while (scheduler.step());
      expect(listener.bytes).toEqual([]);
      network.heal();
      while (scheduler.step());
      const length = Buffer.concat(listener.bytes).length;
      expect([dialer.isClosed ? 0 : 81]).toContain(length);
      outcomes.add(dialer.isClosed ? 'reset' : 'late');
    }
    expect(outcomes.size).toBe(2);
  });

  it('reports a Buffer that changes after it was handed over', () => {
    const { scheduler, network, dialer } = connect(quiet);
    const changed: number[] = [];
    network.onBufferChanged = (from) => changed.push(from);
    const kept = frame(16, 40);
    const written = frame(16, 40);
    network.send(dialer.connection, [kept]);
    network.send(dialer.connection, [written]);
    written[30] = 0;
    while (scheduler.step());
    expect(changed).toEqual([0]);
  });

  it('reads nothing for a paused side until it is resumed', () => {
    const { scheduler, network, dialer, listener } = connect(quiet);
    network.pause(listener.connection);
    network.send(dialer.connection, [frame(16, 40)]);
    while (scheduler.step());
    expect(listener.bytes).toEqual([]);
    network.resume(listener.connection);
    expect(Buffer.concat(listener.bytes)).toHaveLength(40);
  });

  it('closes the other end of a process that died', () => {
    const { scheduler, network, dialer } = connect(quiet);
    network.crash(1, false);
    while (scheduler.step());
    expect(dialer.isClosed).toBe(true);
  });
});
