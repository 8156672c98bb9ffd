import { FrameKind, limitsWith } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';
import type { BrokerConfig } from './world.ts';

function limits(changes: Record<string, number> = {}) {
  const made = limitsWith({
    journalFileBytes: 1 << 20,
    journalFiles: 4,
    batchBytesMax: 64 * 1024,
    segmentBytes: 1 << 20,
    ...changes,
  });
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}

function config(nodes = 3, changes: Record<string, number> = {}): Omit<BrokerConfig, 'node'> {
  return {
    cluster: 'test',
    nodes: Array.from({ length: nodes }, (_, id) => ({
      id,
      address: `127.0.0.1:${7400 + 10 * id}`,
      host: `h${id}`,
    })),
    secret: 'a secret',
    limits: limits(changes),
    tickMs: 10,
  };
}

/** A founded cluster whose metadata has a primary. */
function founded(nodes = 3, changes: Record<string, number> = {}): Loopback {
  const cluster = new Loopback(config(nodes, changes));
  cluster.startAll();
  expect(cluster.run(300, () => metadataPrimary(cluster) !== null)).toBe(true);
  return cluster;
}

function metadataPrimary(cluster: Loopback): number | null {
  return leader(cluster, 0);
}

function leader(cluster: Loopback, group: number): number | null {
  for (const { id, broker } of cluster.hosts.values()) {
    if (broker?.groups().find((hosted) => hosted.id === group)?.leading) return id;
  }
  return null;
}

/** Makes shop/orders with some partitions through node `via`; returns the first group and a session. */
function withTopic(cluster: Loopback, via = 0, partitions = 1): { group: number; producerId: number } {
  const client = TestClient.connect(cluster, via, 'control');
  client.mustCall({ op: 'createStream', name: 'shop' });
  client.mustCall({
    op: 'createTopic',
    stream: 'shop',
    name: 'orders',
    partitions,
    replication: 3,
    durability: 'disk',
  });
  const { topic } = client.mustCall({ op: 'lookupTopic', stream: 'shop', topic: 'orders' });
  const { sessionId } = client.mustCall({ op: 'register', nonce: Buffer.alloc(16, 1) });
  client.disconnect();
  const group = topic.groups[0]!.group;
  expect(cluster.run(300, () => leader(cluster, group) !== null)).toBe(true);
  return { group, producerId: sessionId };
}

describe('founding', () => {
  it('gives all nodes the same cluster id, and a metadata primary', () => {
    const cluster = founded();
    const ids = cluster.events
      .filter(({ name }) => name === 'founding.completed')
      .map(({ fields }) => fields.cluster);
    expect(ids).toHaveLength(3);
    expect(new Set(ids).size).toBe(1);
  });

  it('waits for every founder', () => {
    const cluster = new Loopback(config());
    cluster.start(0);
    cluster.start(1);
    cluster.run(300);
    expect(cluster.events.some(({ name }) => name === 'founding.completed')).toBe(false);
    expect(cluster.events.some(({ name, fields }) => name === 'founding.waiting' && fields.node === 0)).toBe(
      true,
    );
    cluster.start(2);
    expect(cluster.run(300, () => metadataPrimary(cluster) !== null)).toBe(true);
  });

  it('founds a single node by itself', () => {
    const cluster = founded(1);
    expect(metadataPrimary(cluster)).toBe(0);
  });

  it('refuses for good a founder whose directory was wiped and formatted anew', () => {
    const cluster = founded();
    cluster.kill(2);
    cluster.wipe(2);
    cluster.format(2, 'ee'.repeat(16));
    cluster.start(2);
    cluster.run(300, () => cluster.hosts.get(2)!.failed !== null);
    expect(cluster.hosts.get(2)!.failed).toMatchObject({ code: 'incarnationReplaced' });
    expect(cluster.hosts.get(2)!.failed?.message).toContain('vireo cluster replace-node');
    expect(metadataPrimary(cluster)).not.toBeNull();
  });

  it('refuses a peer without the secret', () => {
    const cluster = new Loopback(config());
    cluster.overrides.set(2, { secret: null });
    cluster.startAll();
    cluster.run(300);
    expect(cluster.events.some(({ name }) => name === 'founding.completed')).toBe(false);
    expect(
      cluster.events.some(
        ({ name, node, fields }) => name === 'peer.refused' && node === 0 && fields.peer === 2,
      ),
    ).toBe(true);
  });
});

describe('metadata', () => {
  it('is changed through any node and read from any node', () => {
    const cluster = founded();
    for (const via of [0, 1, 2]) {
      const client = TestClient.connect(cluster, via, 'control');
      const { stamp } = client.mustCall({ op: 'createStream', name: `s${via}` });
      for (const reader of [0, 1, 2]) {
        const { streams } = TestClient.connect(cluster, reader).mustCall({ op: 'describe', stamp });
        expect(streams.map(({ name }) => name)).toContain(`s${via}`);
      }
    }
  });

  it('answers what can not be done with a code', () => {
    const cluster = founded();
    const client = TestClient.connect(cluster, 1, 'control');
    client.mustCall({ op: 'createStream', name: 'shop' });
    const again = client.call({ op: 'createStream', name: 'shop' });
    expect(again).toMatchObject({ ok: false, error: { code: 'alreadyExists' } });
    const topic = {
      op: 'createTopic',
      stream: 'shop',
      name: 'orders',
      partitions: 1,
      durability: 'disk',
    } as const;
    expect(client.call({ ...topic, replication: 4 })).toMatchObject({
      ok: false,
      error: { code: 'tooManyReplicas' },
    });
    expect(client.call({ ...topic, stream: 'none', replication: 1 })).toMatchObject({
      ok: false,
      error: { code: 'unknownStream' },
    });
    expect(client.call({ op: 'lookupTopic', stream: 'shop', topic: 'none' })).toMatchObject({
      ok: false,
      error: { code: 'unknownTopic' },
    });
  });

  it('lists nodes, replicas and counters', () => {
    const cluster = founded();
    const { group } = withTopic(cluster);
    const client = TestClient.connect(cluster, 2);
    expect(client.mustCall({ op: 'describe' }).nodes.map(({ id }) => id)).toEqual([0, 1, 2]);
    const { groups, node } = client.mustCall({ op: 'groupStates' });
    expect(node).toBe(2);
    expect(groups.map((state) => state.group)).toEqual([0, group]);
    expect(client.mustCall({ op: 'stats' }).counters.groups).toBe(2);
  });

  it('says metadataBehind to a stamp that never comes', () => {
    const cluster = founded();
    const answer = TestClient.connect(cluster, 0).call({ op: 'describe', stamp: 1_000_000 });
    expect(answer).toMatchObject({ ok: false, error: { code: 'metadataBehind' } });
  });
});

describe('produce', () => {
  it('acks with dense offsets at the primary, and answers a retry with the first offset', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    const first = client.produce(group, { producerId, sequence: 0 }, ['a', 'b']);
    const second = client.produce(group, { producerId, sequence: 1 }, ['c']);
    const again = client.produce(group, { producerId, sequence: 0 }, ['a', 'b']);
    expect(first).toMatchObject({
      ok: true,
      value: { baseOffset: 0, count: 2, duplicate: false, durability: 2 },
    });
    expect(second).toMatchObject({ ok: true, value: { baseOffset: 2, count: 1 } });
    expect(again).toMatchObject({ ok: true, value: { baseOffset: 0, count: 2, duplicate: true } });
  });

  it('is redirected by a backup to the primary, by address', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    const client = TestClient.connect(cluster, (primary + 1) % 3);
    const answer = client.produce(group, { producerId, sequence: 0 }, ['a']);
    expect(answer).toMatchObject({
      ok: false,
      error: { code: 'notPrimary', details: { primary, address: `127.0.0.1:${7400 + 10 * primary}` } },
    });
  });

  it('refuses a group that does not exist, and one that is gone, with different codes', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const client = TestClient.connect(cluster, 0);
    expect(client.produce(group + 100, { producerId, sequence: 0 }, ['a'])).toMatchObject({
      ok: false,
      error: { code: 'metadataBehind' },
    });
    const { stamp } = client.mustCall({ op: 'deleteTopic', target: { stream: 'shop', topic: 'orders' } });
    client.mustCall({ op: 'describe', stamp });
    expect(client.produce(group, { producerId, sequence: 0 }, ['a'])).toMatchObject({
      ok: false,
      error: { code: 'topicDeleted' },
    });
  });

  it('goes on at the next primary with the same lane when the primary dies; a retry is a duplicate', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const before = leader(cluster, group)!;
    const client = TestClient.connect(cluster, before);
    expect(client.produce(group, { producerId, sequence: 0 }, ['a'])).toMatchObject({ ok: true });
    // Not answered: the primary dies with it in flight.
    client.startProduce(group, { producerId, sequence: 1 }, ['b']);
    cluster.kill(before);
    expect(cluster.run(300, () => leader(cluster, group) !== null)).toBe(true);
    const after = leader(cluster, group)!;
    expect(after).not.toBe(before);
    const next = TestClient.connect(cluster, after);
    expect(next.produce(group, { producerId, sequence: 0 }, ['a'])).toMatchObject({
      ok: true,
      value: { baseOffset: 0, duplicate: true },
    });
    expect(next.produce(group, { producerId, sequence: 1 }, ['b'])).toMatchObject({
      ok: true,
      value: { baseOffset: 1 },
    });
    expect(next.produce(group, { producerId, sequence: 2 }, ['c'])).toMatchObject({
      ok: true,
      value: { baseOffset: 2, duplicate: false },
    });
  });

  it('keeps everything acked over a power cut of all nodes', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    for (let sequence = 0; sequence < 20; sequence++) {
      expect(client.produce(group, { producerId, sequence }, [`v${sequence}`]).ok).toBe(true);
    }
    for (const id of [0, 1, 2]) cluster.kill(id);
    cluster.startAll();
    expect(cluster.run(500, () => leader(cluster, group) !== null)).toBe(true);
    const reader = TestClient.connect(cluster, leader(cluster, group)!);
    expect(reader.subscribe(group, 1, { start: true })).toMatchObject({ ok: true, value: { end: 20 } });
    cluster.run(5);
    expect(reader.records(1).map(({ value }) => value)).toEqual(
      Array.from({ length: 20 }, (_, i) => `v${i}`),
    );
    expect(reader.produce(group, { producerId, sequence: 20 }, ['more'])).toMatchObject({
      ok: true,
      value: { baseOffset: 20 },
    });
  });

  it('reuses the journal by checkpoints, and starts from them', () => {
    const cluster = founded(3, { journalFileBytes: 256 * 1024, batchBytesMax: 16 * 1024 });
    const { group, producerId } = withTopic(cluster);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    const value = 'x'.repeat(8_000);
    for (let sequence = 0; sequence < 400; sequence++) {
      expect(client.produce(group, { producerId, sequence }, [value]).ok).toBe(true);
    }
    for (const { broker } of cluster.hosts.values()) {
      expect(broker!.stats().counters.checkpoints).toBeGreaterThan(1);
      expect(broker!.stats().counters.journalFiles).toBeLessThanOrEqual(4);
    }
    for (const id of [0, 1, 2]) cluster.kill(id);
    cluster.startAll();
    expect(cluster.run(500, () => leader(cluster, group) !== null)).toBe(true);
    expect(
      cluster
        .broker(0)
        .groups()
        .find(({ id }) => id === group)!.checkpointOp,
    ).toBeGreaterThan(0);
    const info = TestClient.connect(cluster, leader(cluster, group)!).mustCall({
      op: 'partitionInfo',
      group,
    });
    expect(info).toMatchObject({ start: 0, end: 400 });
  });
});

describe('subscriptions', () => {
  it('push what was committed, then what commits, from a backup', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    const producer = TestClient.connect(cluster, primary);
    producer.produce(group, { producerId, sequence: 0 }, ['a', 'b']);
    cluster.run(10);
    const backup = (primary + 1) % 3;
    const consumer = TestClient.connect(cluster, backup);
    expect(consumer.subscribe(group, 5, { start: true })).toMatchObject({
      ok: true,
      value: { start: 0, from: 0, node: backup, role: 'backup' },
    });
    cluster.run(5);
    expect(consumer.records(5)).toEqual([
      { offset: 0, value: 'a' },
      { offset: 1, value: 'b' },
    ]);
    producer.produce(group, { producerId, sequence: 1 }, ['c']);
    cluster.quiet();
    expect(consumer.records(5).at(-1)).toEqual({ offset: 2, value: 'c' });
    expect(consumer.pushes(5).every(({ role, node }) => role === 'backup' && node === backup)).toBe(true);
  });

  it('stop at the credit, one batch over it at most, and go on with more', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    const producer = TestClient.connect(cluster, primary);
    for (let sequence = 0; sequence < 10; sequence++)
      producer.produce(group, { producerId, sequence }, ['a', 'b', 'c']);
    const consumer = TestClient.connect(cluster, primary);
    consumer.subscribe(group, 1, { offset: 0 }, { creditRecords: 4 });
    cluster.run(5);
    expect(consumer.records(1)).toHaveLength(6);
    const credit = Buffer.alloc(16);
    credit.writeBigUInt64LE(3n, 8);
    consumer.send(FrameKind.credit, 1, group, credit);
    cluster.run(5);
    // −2 + 3: one more batch fits, the next one waits.
    expect(consumer.records(1)).toHaveLength(9);
    expect(consumer.records(1).map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('send a status each second while idle', () => {
    const cluster = founded();
    const { group } = withTopic(cluster);
    const consumer = TestClient.connect(cluster, 0);
    consumer.subscribe(group, 1, { end: true });
    cluster.run(350);
    const statuses = consumer.frames.filter(({ kind }) => kind === FrameKind.subscriptionStatus);
    expect(statuses.length).toBeGreaterThanOrEqual(3);
  });

  it('answer a position beyond the end with the bounds, and a deleted topic with its end', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    const client = TestClient.connect(cluster, primary);
    client.produce(group, { producerId, sequence: 0 }, ['a']);
    expect(client.subscribe(group, 1, { offset: 10 })).toMatchObject({
      ok: false,
      error: { code: 'offsetOutOfRange', details: { start: 0, end: 1 } },
    });
    expect(client.subscribe(group, 2, { last: 1 })).toMatchObject({ ok: true, value: { from: 0 } });
    client.mustCall({ op: 'deleteTopic', target: { stream: 'shop', topic: 'orders' } });
    cluster.run(20);
    expect(
      client.frames.some(({ kind, correlation }) => kind === FrameKind.subscriptionEnd && correlation === 2),
    ).toBe(true);
  });

  it('wait at a backup for an op that the token names', () => {
    const cluster = founded();
    const { group } = withTopic(cluster);
    const backup = (leader(cluster, group)! + 1) % 3;
    const consumer = TestClient.connect(cluster, backup);
    const answer = consumer.subscribe(group, 1, { end: true }, { token: { lossEpoch: 0, op: 1_000 } });
    expect(answer).toMatchObject({ ok: false, error: { code: 'behind' } });
  });
});

describe('strangers', () => {
  it('a client of another protocol version is told the range', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    client.hello({ protocolMin: 7, protocolMax: 9 });
    expect(client.error).toMatchObject({ code: 'unsupportedVersion', details: { min: 1, max: 1 } });
    expect(client.ended).toBe(true);
  });

  it('HTTP is answered in HTTP', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    client.sendBytes(Buffer.from('GET / HTTP/1.1\r\nhost: x\r\n\r\n'));
    cluster.quiet();
    expect(Buffer.concat(client.raw).toString()).toMatch(/^HTTP\/1\.1 400 /);
    expect(client.ended).toBe(true);
  });

  it('garbage is refused with a code and the connection ends', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    client.sendBytes(Buffer.alloc(64, 0xab));
    cluster.quiet();
    expect(client.error?.code).toBe('unsupportedVersion');
    expect(client.ended).toBe(true);
    const second = new TestClient(cluster, 0);
    second.send(FrameKind.hello, 0, 0, Buffer.from([0xc1, 0xff]));
    cluster.quiet();
    expect(second.error?.code).toBe('corruptPayload');
  });

  it('a half-open connection is closed after five seconds', () => {
    const cluster = founded();
    const client = new TestClient(cluster, 0);
    cluster.run(600, () => client.ended);
    expect(client.ended).toBe(true);
    expect(cluster.events.some(({ name }) => name === 'connection.idle')).toBe(true);
  });

  it('a request of a client for nodes ends its connection, and nothing else', () => {
    const cluster = founded();
    const client = TestClient.connect(cluster, 0);
    const other = TestClient.connect(cluster, 0);
    client.send(FrameKind.replica, 0, 0, Buffer.alloc(8));
    cluster.quiet();
    expect(client.error?.code).toBe('invalidRequest');
    expect(other.call({ op: 'describe' }).ok).toBe(true);
  });
});

describe('stop', () => {
  it('hands over what the node leads, loses nothing, and ends within ten seconds', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const before = leader(cluster, group)!;
    const client = TestClient.connect(cluster, before);
    client.produce(group, { producerId, sequence: 0 }, ['a']);
    let stopped = false;
    cluster.broker(before).stop(() => {
      stopped = true;
    });
    expect(cluster.run(1_000, () => stopped)).toBe(true);
    expect(client.frames.some(({ kind }) => kind === FrameKind.goingAway)).toBe(true);
    expect(client.ended).toBe(true);
    cluster.kill(before, false);
    expect(cluster.run(100, () => leader(cluster, group) !== null)).toBe(true);
    const next = TestClient.connect(cluster, leader(cluster, group)!);
    expect(next.produce(group, { producerId, sequence: 1 }, ['b'])).toMatchObject({
      ok: true,
      value: { baseOffset: 1 },
    });
  });
});
