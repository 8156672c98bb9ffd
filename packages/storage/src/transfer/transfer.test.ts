import { describe, expect, it } from 'vitest';
import type { StorageError } from '../errors.ts';
import { GroupLog } from '../log/group-log.ts';
import { SnapshotStore } from '../snapshot/snapshot-store.ts';
import { MemoryDisk, PrepareChain, plainChecksums, SeededRandom } from '../testing/index.ts';
import { LeafCache } from './leaf-cache.ts';
import type { Manifest } from './manifest.ts';
import { StagedTransfer } from './staged-transfer.ts';
import { isStaged } from './staging.ts';
import { type ChunkPlace, TransferSource } from './transfer-source.ts';

const CHUNK = 4096;
const GROUP = 5;
const CLUSTER = '11'.repeat(16);
const DIRECTORY = `groups/${GROUP}`;
const OPTIONS = { cluster: CLUSTER, segmentBytes: 40_000, tailCacheBytes: 1_000, writeBytesMin: 1 };

/** The files of one replica, opened. */
class Replica {
  readonly disk: MemoryDisk;
  readonly log: GroupLog;
  readonly snapshots: SnapshotStore;
  readonly checkpointOp: number;
  readonly leaves: LeafCache;
  readonly source: TransferSource;

  constructor(disk: MemoryDisk) {
    this.disk = disk;
    const store = SnapshotStore.open(disk, GROUP, plainChecksums);
    if (!store.ok) throw new Error(store.error.message);
    this.checkpointOp = store.value.latest?.op ?? 0;
    this.snapshots = store.value.store;
    const opened = GroupLog.open(disk, GROUP, OPTIONS, plainChecksums, this.checkpointOp);
    if (!opened.ok) throw new Error(opened.error.message);
    this.log = opened.value.log;
    this.leaves = new LeafCache(disk, plainChecksums, CHUNK);
    const { log, snapshots, leaves } = this;
    this.source = new TransferSource({ disk, checksums: plainChecksums, log, snapshots, leaves });
  }

  grow(chain: PrepareChain, ops: number): void {
    for (let i = 0; i < ops; i++)
      this.log.append(i % 7 === 6 ? chain.noop() : chain.batch(500 + ((i * 331) % 2500)));
    const errors: unknown[] = [];
    this.log.sync((error) => errors.push(error));
    this.disk.pump();
    expect(errors).toEqual([null]);
  }

  checkpoint(): void {
    this.snapshots.write(this.log.endOp, snapshotAt(this.log.endOp), () => {});
    this.disk.pump();
  }

  manifest(): Manifest {
    let made: Manifest | null = null;
    this.source.manifest(this.log.end!, 0, (error, manifest) => {
      expect(error).toBeNull();
      made = manifest;
    });
    this.disk.pump();
    return made!;
  }

  chunk(place: ChunkPlace): Buffer | null {
    let read: Buffer | null = null;
    this.source.chunk(place, (_error, bytes) => {
      read = bytes;
    });
    this.disk.pump();
    return read;
  }

  receive(manifest: Manifest): StagedTransfer {
    const { disk, log, leaves } = this;
    return new StagedTransfer({ disk, checksums: plainChecksums, cluster: CLUSTER, log, leaves }, manifest);
  }

  files(): Record<string, string> {
    const names = this.disk.list(DIRECTORY).filter((name) => name.endsWith('.segment') && !isStaged(name));
    return Object.fromEntries(
      names.map((name) => [name, this.disk.content(`${DIRECTORY}/${name}`).toString('latin1')]),
    );
  }
}

function snapshotAt(op: number): Buffer {
  return Buffer.alloc(10_000, `state at ${op};`);
}

function sourceWith(ops: number): { source: Replica; chain: PrepareChain } {
  const chain = new PrepareChain(GROUP);
  const source = new Replica(new MemoryDisk());
  source.grow(chain, ops);
  source.checkpoint();
  return { source, chain };
}

/** A replica that stands where the source was after so many ops. */
function laggingAt(ops: number): Replica {
  const replica = new Replica(new MemoryDisk());
  if (ops === 0) return replica;
  replica.grow(new PrepareChain(GROUP), ops);
  replica.checkpoint();
  return replica;
}

/** Everything that a transfer does, in the order in which a node does it. `turn` is called between any two calls. */
function run(
  transfer: StagedTransfer,
  source: Replica,
  receiver: Replica,
  turn: () => void,
): StorageError | null {
  let outcome: StorageError | null | 'open' = 'open';
  const finish = (error: StorageError | null) => {
    outcome = error;
  };
  const or = (then: () => void) => (error: StorageError | null) => (error === null ? then() : finish(error));
  const install = () =>
    receiver.log.sync(
      or(() =>
        transfer.install(
          or(() =>
            transfer.readSnapshot((error, bytes) => {
              if (error !== null) finish(error);
              else receiver.snapshots.write(transfer.manifest.op, bytes, finish);
            }),
          ),
        ),
      ),
    );
  const fetch = () => {
    if (transfer.complete) {
      transfer.verify(or(install));
      return;
    }
    const place = transfer.next()!;
    transfer.take(place, source.chunk(place)!, (error, taken) => {
      if (error === null) expect(taken).toBe('kept');
      or(fetch)(error);
    });
  };
  transfer.compare(or(fetch));
  while (outcome === 'open') {
    turn();
    if (receiver.disk.pump(1) === 0) throw new Error('nothing is under way');
  }
  return outcome;
}

function complete(receiver: Replica, source: Replica, manifest: Manifest): StagedTransfer {
  const transfer = receiver.receive(manifest);
  expect(run(transfer, source, receiver, () => {})).toBeNull();
  return transfer;
}

describe('state transfer', () => {
  it.each([0, 1, 9, 40, 63])('brings a replica that has %i ops to where its peer is', (ops) => {
    const { source } = sourceWith(90);
    const receiver = laggingAt(ops);
    const transfer = complete(receiver, source, source.manifest());
    expect(receiver.files()).toEqual(source.files());
    expect([receiver.log.endOp, receiver.log.headChecksum]).toEqual([90, source.log.headChecksum]);
    const again = new Replica(receiver.disk);
    expect([again.checkpointOp, again.log.endOp]).toEqual([90, 90]);
    expect(transfer.keptBytes > 0).toBe(ops > 8);
    const total = transfer.manifest.segments.reduce(
      (sum, { size }) => sum + size,
      transfer.manifest.snapshot.size,
    );
    expect(transfer.fetchedBytes + transfer.keptBytes).toBeLessThanOrEqual(total);
  });

  it('leaves a log that goes on', () => {
    const { source, chain } = sourceWith(90);
    const receiver = laggingAt(20);
    complete(receiver, source, source.manifest());
    const prepares = Array.from({ length: 40 }, () => chain.batch(2000));
    for (const { log, disk } of [source, receiver]) {
      for (const prepare of prepares) log.append(prepare);
      log.sync(() => {});
      disk.pump();
    }
    expect(receiver.files()).toEqual(source.files());
    const read: number[] = [];
    for (const first of [1, 50, 91]) {
      receiver.log.readOps(first, first, 1, (_error, ops) => read.push(ops[0]!.header.op));
      receiver.disk.pump();
    }
    expect(read).toEqual([1, 50, 91]);
  });

  it('does not undo what it installed by what opening wanted to cut', () => {
    const { source } = sourceWith(90);
    const receiver = laggingAt(20);
    // Beyond the checkpoint, as a crash leaves it: cut at the first write after the next start.
    receiver.log.append(chainAt(20).noop());
    receiver.log.sync(() => {});
    receiver.disk.pump();
    const again = new Replica(receiver.disk);
    expect(again.log.endOp).toBe(20);
    complete(again, source, source.manifest());
    expect(again.files()).toEqual(source.files());
  });

  it('is served while the log goes on, and says when its snapshot is gone', () => {
    const { source, chain } = sourceWith(50);
    const manifest = source.manifest();
    source.grow(chain, 30);
    const receiver = laggingAt(10);
    complete(receiver, source, manifest);
    expect(receiver.log.endOp).toBe(50);
    source.checkpoint();
    expect(source.chunk({ op: 50, baseOp: 0, index: 0, length: CHUNK })).not.toBeNull();
    source.grow(chain, 1);
    source.checkpoint();
    expect(source.chunk({ op: 50, baseOp: 0, index: 0, length: CHUNK })).toBeNull();
    expect(source.chunk({ op: 50, baseOp: 1, index: 900, length: CHUNK })).toBeNull();
    expect(source.chunk({ op: 50, baseOp: 4242, index: 0, length: CHUNK })).toBeNull();
    expect(source.chunk({ op: 50, baseOp: 1, index: 0, length: CHUNK + 1 })).toBeNull();
  });

  it('keeps the segments that are staged when a new manifest replaces the old one', () => {
    const { source, chain } = sourceWith(90);
    const receiver = laggingAt(0);
    const first = receiver.receive(source.manifest());
    first.compare(() => {});
    receiver.disk.pump();
    for (let place = first.next(); place !== null; place = first.next()) {
      first.take(place, source.chunk(place)!, () => {});
      receiver.disk.pump();
    }
    source.grow(chain, 20);
    source.checkpoint();
    const transfer = complete(receiver, source, source.manifest());
    expect(receiver.files()).toEqual(source.files());
    expect(transfer.keptBytes).toBeGreaterThan(transfer.fetchedBytes);
  });

  it('fetches only the chunk that is damaged here, and puts it right', () => {
    const { source, chain } = sourceWith(80);
    const receiver = laggingAt(80);
    receiver.disk.corrupt(`${DIRECTORY}/0000000000000001.segment`, 9_000);
    source.grow(chain, 1);
    source.checkpoint();
    const transfer = complete(receiver, source, source.manifest());
    expect(receiver.files()).toEqual(source.files());
    expect(transfer.fetchedBytes).toBeLessThan(transfer.manifest.snapshot.size + 4 * CHUNK);
  });

  it('takes no chunk that is not what its leaf says, none twice, none that nobody asked for', () => {
    const { source } = sourceWith(40);
    const receiver = laggingAt(0);
    const transfer = receiver.receive(source.manifest());
    transfer.compare(() => {});
    receiver.disk.pump();
    const place = transfer.next()!;
    const bytes = source.chunk(place)!;
    const answers: unknown[] = [];
    const take = (at: ChunkPlace, chunk: Buffer) => {
      transfer.take(at, chunk, (_error, taken) => answers.push(taken));
      receiver.disk.pump();
    };
    const wrong = Buffer.from(bytes);
    wrong[17] = (wrong[17] as number) ^ 1;
    take(place, wrong);
    take(place, bytes.subarray(1));
    take({ ...place, index: place.index + 1 }, bytes);
    transfer.giveBack(place);
    take(place, bytes);
    expect(transfer.next()).toEqual(place);
    take(place, bytes);
    take(place, bytes);
    expect(answers).toEqual(['wrong', 'wrong', 'unwanted', 'unwanted', 'kept', 'unwanted']);
    expect(transfer.complete).toBe(false);
  });

  it('does not install what is damaged at its source, though every chunk matches', () => {
    const { source } = sourceWith(60);
    source.disk.corrupt(`${DIRECTORY}/0000000000000001.segment`, 9_000);
    const receiver = laggingAt(5);
    const before = receiver.files();
    const transfer = receiver.receive(source.manifest());
    expect(run(transfer, source, receiver, () => {})?.code).toBe('unreadable');
    expect(receiver.files()).toEqual(before);
  });

  it('does not install a manifest that states another op than its segments end with', () => {
    const { source } = sourceWith(60);
    const receiver = laggingAt(5);
    const transfer = receiver.receive({ ...source.manifest(), checksum: 'ab'.repeat(16) });
    expect(run(transfer, source, receiver, () => {})?.code).toBe('unreadable');
  });

  it('does not replace a log that goes another way, or further', () => {
    const { source } = sourceWith(60);
    const other = new Replica(new MemoryDisk());
    const chain = new PrepareChain(GROUP);
    for (let i = 0; i < 3; i++) other.log.append(chain.batch(700));
    other.log.sync(() => {});
    other.disk.pump();
    other.checkpoint();
    const ahead = laggingAt(70);
    for (const receiver of [other, ahead]) {
      const before = receiver.files();
      const transfer = receiver.receive(source.manifest());
      expect(run(transfer, source, receiver, () => {})?.code).toBe('outOfRange');
      expect(receiver.files()).toEqual(before);
    }
  });

  it('survives a crash at any call on the disk, and goes on from what was staged', () => {
    const { source } = sourceWith(70);
    const manifest = source.manifest();
    const fresh = complete(laggingAt(12), source, manifest).fetchedBytes;
    let resumed = 0;
    for (let calls = 1; ; calls++) {
      const receiver = laggingAt(12);
      const own = receiver.files();
      const random = new SeededRandom(calls);
      let left = calls;
      let crashed = false;
      try {
        run(receiver.receive(manifest), source, receiver, () => {
          if (left-- === 0) {
            receiver.disk.crash({ below: random.below, processOnly: calls % 3 === 0 });
            crashed = true;
            throw new Crash();
          }
        });
      } catch (error) {
        if (!(error instanceof Crash)) throw error;
      }
      const again = new Replica(receiver.disk);
      expect([12, 70]).toContain(again.checkpointOp);
      expect(again.log.endOp).toBe(again.checkpointOp);
      // What it had before is there, whatever came of the transfer.
      for (const [name, content] of Object.entries(own))
        expect(again.disk.content(`${DIRECTORY}/${name}`).toString('latin1').startsWith(content)).toBe(true);
      if (!crashed) break;
      if (again.checkpointOp === 70) continue;
      const transfer = complete(again, source, manifest);
      if (transfer.fetchedBytes < fresh) resumed++;
      expect(again.files()).toEqual(source.files());
    }
    expect(resumed).toBeGreaterThan(20);
  });
});

class Crash extends Error {}

function chainAt(ops: number): PrepareChain {
  const chain = new PrepareChain(GROUP);
  for (let i = 0; i < ops; i++) {
    if (i % 7 === 6) chain.noop();
    else chain.batch(500 + ((i * 331) % 2500));
  }
  return chain;
}
