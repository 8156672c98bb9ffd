import { describe, expect, it } from 'vitest';
import { founded, leader, withTopic } from './testing/cluster.ts';
import type { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

const NODES = [0, 1, 2];
const text = (sequence: number) => `record number ${sequence} ${'x'.repeat(2_000)}`;

function start() {
  const cluster = founded();
  const { group, producerId } = withTopic(cluster);
  const client = TestClient.connect(cluster, leader(cluster, group)!);
  for (let sequence = 0; sequence < 10; sequence++)
    expect(client.produce(group, { producerId, sequence }, [text(sequence)])).toMatchObject({ ok: true });
  // The journal is idle: what it holds is complete, so damage is damage and no torn write.
  cluster.run(150);
  return { cluster, group, producerId };
}

/** Flips a bit of what the node's journal has of a record. */
function damage(cluster: Loopback, node: number, sequence: number): void {
  const { disk } = cluster.hosts.get(node)!;
  const found = disk.paths
    .filter((path) => path.startsWith('journal/'))
    .map((path) => ({ path, at: disk.content(path).indexOf(`record number ${sequence} `) }))
    .filter(({ at }) => at >= 0);
  expect(found).toHaveLength(1);
  disk.corrupt(found[0]!.path, found[0]!.at);
}

function isWhole(cluster: Loopback, node: number, group: number, records: number): boolean {
  const found = cluster
    .broker(node)
    .groups()
    .find(({ id }) => id === group);
  return found !== undefined && !found.recovering && found.log.endOffset === records;
}

function read(cluster: Loopback, node: number, group: number): string[] {
  const client = TestClient.connect(cluster, node);
  expect(client.subscribe(group, 1, { start: true })).toMatchObject({ ok: true });
  cluster.run(20);
  return client.records(1).map(({ value }) => value);
}

describe('a journal with a damaged op', () => {
  it.each([0, 4, 9])('is no reason not to start: op of record %i comes from the others', (sequence) => {
    const { cluster, group } = start();
    for (const node of NODES) {
      cluster.kill(node);
      damage(cluster, node, sequence);
      cluster.start(node);
      expect(cluster.run(1_000, () => isWhole(cluster, node, group, 10))).toBe(true);
      expect(cluster.run(500, () => leader(cluster, group) !== null)).toBe(true);
      expect(read(cluster, node, group)).toEqual(Array.from({ length: 10 }, (_, i) => text(i)));
    }
  });

  it('is told from a torn one: an op that a quorum acked is not dropped because it is damaged on two nodes', () => {
    const { cluster, group } = start();
    for (const node of NODES) cluster.kill(node);
    for (const node of [0, 1]) damage(cluster, node, 9);
    for (const node of NODES) cluster.start(node);
    expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
    expect(cluster.run(1_000, () => NODES.every((node) => isWhole(cluster, node, group, 10)))).toBe(true);
    for (const node of NODES) expect(read(cluster, node, group)[9]).toBe(text(9));
  });

  it('on all nodes: the group waits for that op until it is ordered to go on without', () => {
    for (const sequence of [9, 5]) {
      const { cluster, group } = start();
      for (const node of NODES) cluster.kill(node);
      for (const node of NODES) damage(cluster, node, sequence);
      for (const node of NODES) cluster.start(node);
      expect(cluster.run(3_000, () => leader(cluster, group) !== null)).toBe(false);
      for (const node of NODES) {
        const client = TestClient.connect(cluster, node, 'control');
        client.mustCall({ op: 'coldStart', group, without: false });
      }
      expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
      const client = TestClient.connect(cluster, leader(cluster, group)!);
      expect(client.mustCall({ op: 'partitionInfo', group })).toMatchObject({ end: sequence, lossEpoch: 1 });
    }
  });

  it('far below the head is found by the journal alone: a checkpoint does not release it', () => {
    // A group of one, so nobody repairs it; more ops above the damaged one than a promise names, over two files.
    const cluster = founded(1);
    const { group, producerId } = withTopic(cluster, 0, 1, 'disk', 1);
    const producer = TestClient.connect(cluster, 0);
    const long = (sequence: number) => `record number ${sequence} ${'x'.repeat(24_000)}`;
    for (let sequence = 0; sequence < 48; sequence++)
      expect(producer.produce(group, { producerId, sequence }, [long(sequence)])).toMatchObject({ ok: true });
    cluster.run(150);
    cluster.kill(0);
    damage(cluster, 0, 4);
    cluster.overrides.set(0, { checkpointBytes: 1 });
    cluster.start(0);
    expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
    const client = TestClient.connect(cluster, 0, 'control');
    for (let i = 1; cluster.broker(0).stats().counters.checkpoints === 0; i++) {
      expect(i).toBeLessThan(100);
      client.mustCall({ op: 'register', nonce: Buffer.alloc(16, 1 + i) });
      cluster.run(10);
    }
    // The next flush says which files are needed no more.
    client.mustCall({ op: 'register', nonce: Buffer.alloc(16, 255) });
    cluster.kill(0);
    cluster.start(0);
    expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
    expect(cluster.hosts.get(0)!.failed).toBeNull();
    TestClient.connect(cluster, 0, 'control').mustCall({ op: 'coldStart', group, without: false });
    expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
    expect(read(cluster, 0, group)).toEqual([0, 1, 2, 3].map(long));
  });
});
