import { FrameKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { config, founded, leader, withTopic } from './testing/cluster.ts';
import { TestClient } from './testing/test-client.ts';

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

  it('while the journal is full: a retry gets the ack of what is in the log, everything else is refused', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    // Checkpoints do not get on, so no file of the journal comes free.
    cluster.held = (node, { path }) => node === primary && path.includes('snapshot');
    const client = TestClient.connect(cluster, primary);
    const value = 'x'.repeat(50_000);
    const produce = (sequence: number) => client.produce(group, { producerId, sequence }, [value]);
    let sequence = 0;
    let answer = produce(sequence);
    while (answer.ok && sequence < 200) answer = produce(++sequence);
    expect(answer).toMatchObject({ ok: false, error: { code: 'overloaded' } });
    expect(sequence).toBeGreaterThan(10);
    expect(produce(sequence - 5)).toMatchObject({
      ok: true,
      value: { duplicate: true, baseOffset: sequence - 5, count: 1 },
    });
    expect(produce(sequence)).toMatchObject({ ok: false, error: { code: 'overloaded' } });
    expect(cluster.broker(primary).stats().counters.requestsInFlight).toBe(0);
    cluster.held = () => false;
    cluster.run(50);
    expect(produce(sequence)).toMatchObject({ ok: true, value: { duplicate: false, baseOffset: sequence } });
  });

  it('while the node stops: a retry gets the ack of what is in the log, everything else is refused', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    const client = TestClient.connect(cluster, primary);
    expect(client.produce(group, { producerId, sequence: 0 }, ['a'])).toMatchObject({ ok: true });
    // Nobody is there to hand over to, so it goes on leading for a while.
    for (const id of [0, 1, 2]) if (id !== primary) cluster.kill(id);
    cluster.broker(primary).stop(() => {});
    const again = client.startProduce(group, { producerId, sequence: 0 }, ['a']);
    const more = client.startProduce(group, { producerId, sequence: 1 }, ['b']);
    cluster.quiet();
    expect(client.poll(again)).toMatchObject({ ok: true, value: { duplicate: true, baseOffset: 0 } });
    expect(client.poll(more)).toMatchObject({ ok: false, error: { code: 'goingAway' } });
  });

  it('over the bounds of a control connection: a retry gets its ack, and waits for it only so often', () => {
    const cluster = founded(3, { connectionRequestsMax: 1 });
    const { group, producerId } = withTopic(cluster);
    const client = TestClient.connect(cluster, leader(cluster, group)!, 'control');
    const produce = (sequence: number) => client.produce(group, { producerId, sequence }, ['a']);
    expect(produce(0)).toMatchObject({ ok: true });
    // Nothing more becomes durable: what is sent now stays in flight.
    cluster.held = (_node, { path }) => path.startsWith('journal/');
    const open = client.startProduce(group, { producerId, sequence: 1 }, ['a']);
    cluster.quiet();
    expect(produce(0)).toMatchObject({ ok: true, value: { duplicate: true, baseOffset: 0 } });
    expect(produce(2)).toMatchObject({ ok: false, error: { code: 'overloaded' } });
    const again = client.startProduce(group, { producerId, sequence: 1 }, ['a']);
    cluster.quiet();
    expect(client.poll(again)).toBeNull();
    expect(produce(0)).toMatchObject({ ok: false, error: { code: 'overloaded' } });
    cluster.held = () => false;
    cluster.quiet();
    expect(client.poll(open)).toMatchObject({ ok: true, value: { duplicate: false, baseOffset: 1 } });
    expect(client.poll(again)).toMatchObject({ ok: true, value: { duplicate: true, baseOffset: 1 } });
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

  it('remembers as many producers as its topic was made with, whatever is set when a replica is opened', () => {
    const cluster = founded(3, { lanesPartitionMax: 16 });
    const { group } = withTopic(cluster);
    for (const id of [0, 1, 2]) cluster.kill(id);
    for (const id of [0, 1, 2]) {
      const limits = { ...config().limits, lanesPartitionMax: 100 };
      cluster.overrides.set(id, { limits });
    }
    cluster.startAll();
    expect(cluster.run(500, () => leader(cluster, group) !== null)).toBe(true);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    const control = TestClient.connect(cluster, leader(cluster, group)!, 'control');
    const ids = Array.from(
      { length: 17 },
      (_, i) => control.mustCall({ op: 'register', nonce: Buffer.alloc(16, 100 + i) }).sessionId,
    );
    for (const producerId of ids) {
      expect(client.produce(group, { producerId, sequence: 0 }, ['a'])).toMatchObject({ ok: true });
    }
    // The first one was pushed out by the seventeenth; the second one is still there.
    expect(client.produce(group, { producerId: ids[1]!, sequence: 0 }, ['a'])).toMatchObject({
      ok: true,
      value: { duplicate: true },
    });
    expect(client.produce(group, { producerId: ids[0]!, sequence: 0 }, ['a'])).toMatchObject({ ok: false });
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

describe('a disk', () => {
  it('that fails a journal write ends the node, which acks nothing more; the others go on', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    const client = TestClient.connect(cluster, primary);
    expect(client.produce(group, { producerId, sequence: 0 }, ['a']).ok).toBe(true);
    cluster.fault = (node, { kind, path }) =>
      node === primary && kind === 'write' && path.startsWith('journal') ? 'io' : null;
    client.startProduce(group, { producerId, sequence: 1 }, ['b']);
    cluster.quiet();
    expect(cluster.hosts.get(primary)!.failed).toMatchObject({ code: 'diskFailed' });
    expect(cluster.events.some(({ name, node }) => name === 'disk.failed' && node === primary)).toBe(true);
    cluster.kill(primary);
    expect(cluster.run(300, () => leader(cluster, group) !== null)).toBe(true);
    const next = TestClient.connect(cluster, leader(cluster, group)!);
    expect(next.produce(group, { producerId, sequence: 1 }, ['b'])).toMatchObject({
      ok: true,
      value: { baseOffset: 1 },
    });
  });

  it('that withholds the completion of every sync acks nothing', () => {
    const cluster = founded(1);
    const client = TestClient.connect(cluster, 0);
    client.mustCall({ op: 'createStream', name: 'shop' });
    client.mustCall({
      op: 'createTopic',
      stream: 'shop',
      name: 'orders',
      partitions: 1,
      replication: 1,
      durability: 'disk',
    });
    const { sessionId } = client.mustCall({ op: 'register', nonce: Buffer.alloc(16, 1) });
    const { topic } = client.mustCall({ op: 'lookupTopic', stream: 'shop', topic: 'orders' });
    const { group } = topic.groups[0]!;
    const { disk } = cluster.hosts.get(0)!;
    const correlation = client.startProduce(group, { producerId: sessionId, sequence: 0 }, ['a']);
    // Frames arrive, the disk stands still.
    let draws = 0;
    cluster.jumble(50, (bound) => (bound === 8 ? 0 : draws++ % bound));
    for (let turn = 0; turn < 50; turn++) cluster.broker(0).settle();
    expect(disk.inFlight.some(({ path, durable }) => path.startsWith('journal') && durable)).toBe(true);
    expect(client.poll(correlation)).toBeNull();
    cluster.quiet();
    expect(client.poll(correlation)).toMatchObject({ ok: true });
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

  it('push nothing to a client that does not read, and go on when it does', () => {
    const cluster = founded();
    const { group, producerId } = withTopic(cluster);
    const primary = leader(cluster, group)!;
    const producer = TestClient.connect(cluster, primary);
    const consumer = TestClient.connect(cluster, primary);
    consumer.subscribe(group, 1, { start: true });
    cluster.broker(primary).queued(consumer.connection, 9 << 20);
    expect(cluster.endpoints.get(consumer.connection)?.paused).toBe(true);
    producer.produce(group, { producerId, sequence: 0 }, ['a']);
    cluster.run(5);
    expect(consumer.records(1)).toEqual([]);
    cluster.broker(primary).drained(consumer.connection);
    cluster.quiet();
    expect(consumer.records(1)).toEqual([{ offset: 0, value: 'a' }]);
    expect(cluster.endpoints.get(consumer.connection)?.paused).toBe(false);
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
