import { describe, expect, it } from 'vitest';
import { config, founded, leader, withTopic } from './testing/cluster.ts';
import { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

const SMALL = { journalFileBytes: 64 * 1024, batchBytesMax: 16 * 1024 };

/** A topic with a replica on the only node. */
function topicOfOne(cluster: ReturnType<typeof founded>): { group: number; producerId: number } {
  const client = TestClient.connect(cluster, 0, 'control');
  client.mustCall({ op: 'createStream', name: 'shop' });
  client.mustCall({
    op: 'createTopic',
    stream: 'shop',
    name: 'orders',
    partitions: 1,
    replication: 1,
    durability: 'disk',
  });
  const { topic } = client.mustCall({ op: 'lookupTopic', stream: 'shop', topic: 'orders' });
  const { sessionId } = client.mustCall({ op: 'register', nonce: Buffer.alloc(16, 1) });
  const group = topic.groups[0]!.group;
  cluster.run(300, () => leader(cluster, group) !== null);
  return { group, producerId: sessionId };
}

describe('a checkpoint in a small ring', () => {
  it.each([2, 4])('comes about in the end when the node crashed %i times before its release', (crashes) => {
    const cluster = founded(1, SMALL);
    const { group, producerId } = topicOfOne(cluster);
    // Snapshots do not get on, so nothing is released: what is copied stays, and is copied again at each start.
    cluster.held = (_node, { path }) => path.includes('snapshot');
    let client = TestClient.connect(cluster, 0);
    let sequence = 0;
    while (client.produce(group, { producerId, sequence }, ['x'.repeat(3_000)]).ok) sequence++;
    expect(sequence).toBeGreaterThan(20);
    for (let crash = 0; crash < crashes; crash++) {
      cluster.kill(0);
      cluster.startAll();
      cluster.run(30);
    }
    cluster.kill(0);
    cluster.held = () => false;
    cluster.startAll();
    expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
    client = TestClient.connect(cluster, 0);
    expect(client.produce(group, { producerId, sequence: sequence - 1 }, ['x'.repeat(3_000)])).toMatchObject({
      ok: true,
      value: { baseOffset: sequence - 1, duplicate: true },
    });
    cluster.run(500);
    for (let more = 0; more < 100; more++) {
      cluster.run(2);
      expect(
        client.produce(group, { producerId, sequence: sequence + more }, ['y'.repeat(3_000)]),
      ).toMatchObject({
        ok: true,
      });
    }
    expect(cluster.broker(0).stats().counters.checkpoints).toBeGreaterThan(1);
  });

  it('covers a group that is deleted meanwhile: the snapshot of metadata that it has made may still name it', () => {
    const cluster = founded(1, SMALL);
    const { group, producerId } = topicOfOne(cluster);
    const producer = TestClient.connect(cluster, 0);
    // The group's own files wait: the run goes on without them up to metadata's snapshot.
    cluster.held = (_node, { path }) => path.startsWith(`groups/${group}/`);
    const names = (path: string) => cluster.hosts.get(0)!.disk.list(path);
    const isBegun = () =>
      names('').includes('groups') &&
      names('groups').includes('0') &&
      names('groups/0').includes('snapshot-a');
    for (let sequence = 0; !isBegun(); sequence++) {
      expect(sequence).toBeLessThan(60);
      expect(producer.produce(group, { producerId, sequence }, ['x'.repeat(3_000)]).ok).toBe(true);
      cluster.run(2);
    }
    const client = TestClient.connect(cluster, 0, 'control');
    client.mustCall({ op: 'deleteTopic', target: { stream: 'shop', topic: 'orders' } });
    expect(
      cluster
        .broker(0)
        .groups()
        .map(({ id }) => id),
    ).toEqual([0]);
    cluster.held = () => false;
    const checkpoints = () => cluster.broker(0).stats().counters.checkpoints;
    expect(cluster.run(300, () => checkpoints() === 1)).toBe(true);
    // The next flush says that the files before are needed no more.
    client.mustCall({ op: 'register', nonce: Buffer.alloc(16, 2) });
    cluster.kill(0);
    cluster.startAll();
    expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
    expect(cluster.run(300, () => cluster.broker(0).groups().length === 1)).toBe(true);
  });

  it('goes on at a backup once its disk has room again for a second file, which it had not when that was due', () => {
    const cluster = new Loopback(config(3, SMALL));
    let isFull = true;
    cluster.fault = (node, { kind, path }) =>
      isFull && node === 2 && kind === 'create' && path === 'journal/00000002.journal' ? 'noSpace' : null;
    cluster.startAll();
    expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
    const { group, producerId } = withTopic(cluster);
    expect(cluster.run(300, () => leader(cluster, group) !== null)).toBe(true);
    const primary = leader(cluster, group)!;
    expect(primary).not.toBe(2);
    const client = TestClient.connect(cluster, primary);
    for (let sequence = 0; sequence < 40; sequence++) {
      expect(client.produce(group, { producerId, sequence }, ['x'.repeat(3_000)]).ok).toBe(true);
      cluster.run(2);
    }
    // There is nothing to release in a ring of one file: it is asked for another one.
    isFull = false;
    cluster.kill(primary);
    expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
  });

  it('goes on at a primary once its disk has room again, though it refused all meanwhile and nothing waits', () => {
    const cluster = founded(1, { ...SMALL, journalFileBytes: 256 * 1024 });
    const { group, producerId } = topicOfOne(cluster);
    let isFull = true;
    let attempts = 0;
    cluster.fault = (_node, { kind, path }) => {
      if (!isFull || kind !== 'create' || !path.startsWith('journal/')) return null;
      attempts++;
      return 'noSpace';
    };
    const client = TestClient.connect(cluster, 0);
    const produce = (sequence: number) =>
      client.produce(group, { producerId, sequence }, ['x'.repeat(3_000)]);
    let sequence = 0;
    while (produce(sequence).ok) sequence++;
    expect(attempts).toBeGreaterThan(0);
    expect(produce(sequence)).toMatchObject({ ok: false, error: { code: 'overloaded' } });
    expect(cluster.broker(0).stats().counters.journalWaiting).toBe(0);
    isFull = false;
    cluster.run(500);
    for (const end = sequence + 60; sequence < end; sequence++) {
      expect(produce(sequence)).toMatchObject({ ok: true, value: { baseOffset: sequence } });
      cluster.run(2);
    }
  });

  it('leaves alone what the journal holds of a group that metadata does not name yet, also in a clean stop', () => {
    for (const writes of [1, 2, 3, 5, 8]) {
      const cluster = founded(3, { ...SMALL, journalFiles: 8 });
      const { group, producerId } = withTopic(cluster);
      // No snapshot of metadata names it.
      cluster.held = (_node, { path }) => path.includes('snapshot');
      // First more than one file of the journal holds, then a promise of view 1 at least.
      const first = leader(cluster, group)!;
      const client = TestClient.connect(cluster, first);
      for (let sequence = 0; sequence < 25; sequence++) {
        expect(client.produce(group, { producerId, sequence }, ['x'.repeat(3_000)]).ok).toBe(true);
      }
      cluster.kill(first);
      expect(cluster.run(300, () => leader(cluster, group) !== null)).toBe(true);
      const primary = leader(cluster, group)!;
      const view = () =>
        cluster
          .broker(primary)
          .groups()
          .find(({ id }) => id === group)?.replica.state.view;
      const promised = view()!;
      expect(promised).toBeGreaterThan(0);
      for (const id of cluster.hosts.keys()) cluster.kill(id);
      cluster.held = () => false;
      // Alone it can not know what metadata has committed, so it does not know of the group either.
      cluster.start(primary);
      cluster.run(20);
      expect(view()).toBeUndefined();
      let written = 0;
      cluster.fault = (_node, { kind, path }) =>
        kind === 'write' && path.startsWith('journal/') && ++written > writes ? 'io' : null;
      cluster.broker(primary).stop(() => {});
      cluster.run(20);
      cluster.fault = () => null;
      cluster.kill(primary, false);
      cluster.startAll();
      expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
      const opened = cluster.events.findLast(
        ({ node, name, fields }) => name === 'group.opened' && node === primary && fields?.group === group,
      );
      expect(opened?.fields?.view, `${writes} writes`).toBeGreaterThanOrEqual(promised);
    }
  });
});
