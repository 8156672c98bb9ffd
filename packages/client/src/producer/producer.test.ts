import { partitionForKey, VireoError } from '@vireo/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, connect } from '../connect.ts';
import { FakeCluster } from '../testing/fake-cluster.ts';
import { topic } from '../topic.ts';

let cluster: FakeCluster;
let client: Client;

async function start(partitions = 1): Promise<void> {
  cluster = await FakeCluster.start(partitions);
  client = await connect(cluster.seeds);
}

async function failure(promise: Promise<unknown>): Promise<VireoError> {
  const error = await promise.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!VireoError.is(error)) throw new Error(`expected a VireoError, got ${String(error)}`);
  return error;
}

const values = (count: number, from = 0) =>
  Array.from({ length: count }, (_, i) => ({ value: `v${from + i}` }));

afterEach(async () => {
  await client.close({ drain: false });
  await cluster.stop();
});

describe('a producer', () => {
  beforeEach(() => start());

  test('acks name partition, offset, durability, node and role', async () => {
    const producer = client.producer('shop/orders');
    const ack = await producer.send({ key: 'a', value: 'one' });
    expect(ack).toEqual({
      partition: 0,
      offset: 0,
      timestamp: 1_000,
      duplicate: false,
      durability: 'disk',
      node: 0,
      role: 'primary',
      token: { group: 1, lossEpoch: 0, op: 1 },
    });
    expect((await producer.sendBatch(values(10))).baseOffset).toBe(1);
  });

  test('a session is registered at the first produce only, and each partition counts from 0', async () => {
    const asked = () =>
      cluster.nodes.flatMap((node) => node.requests).filter(({ op }) => op === 'register').length;
    const producer = client.producer('shop/orders');
    expect(asked()).toBe(0);
    await producer.send({ value: 'one' });
    await producer.send({ value: 'two' });
    expect(asked()).toBe(1);
    expect(cluster.seen.map(({ sequence }) => sequence)).toEqual([0, 1]);
  });

  test('a second producer of the topic has a session of its own', async () => {
    await client.producer('shop/orders').send({ value: 'one' });
    await client.producer('shop/orders').send({ value: 'two' });
    const ids = cluster.seen.map(({ producerId }) => producerId);
    expect(new Set(ids).size).toBe(2);
    expect(cluster.partitions[0]!.end).toBe(2);
  });

  test('records sent in one turn share a batch; while one is in flight others are collected', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    cluster.seen.length = 0;
    const acks = await Promise.all(values(100).map((value) => producer.send(value)));
    expect(acks.map(({ offset }) => offset)).toEqual(Array.from({ length: 100 }, (_, i) => i + 1));
    expect(cluster.seen.length).toBeLessThanOrEqual(2);
  });

  test('a lost connection: sent again with the same sequence and bytes, stored once, in order', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    let count = 0;
    for (const node of cluster.nodes) {
      node.onProduce = () => {
        count++;
        return count === 3 ? 'storeAndClose' : 'store';
      };
    }
    const acks = await Promise.all([0, 1, 2, 3, 4, 5].map((i) => producer.sendBatch(values(3, i * 3))));
    expect(acks.map(({ baseOffset }) => baseOffset)).toEqual([1, 4, 7, 10, 13, 16]);
    expect(acks.filter(({ duplicate }) => duplicate).length).toBeGreaterThanOrEqual(1);
    expect(cluster.partitions[0]!.end).toBe(19);
    const bySequence = new Map<number, Set<number>>();
    for (const { sequence, checksum, producerEpoch } of cluster.seen) {
      expect(producerEpoch).toBe(0);
      bySequence.set(sequence, (bySequence.get(sequence) ?? new Set()).add(checksum));
    }
    for (const [sequence, bytes] of bySequence) expect(bytes.size, `bytes of sequence ${sequence}`).toBe(1);
  });

  test('a redirect with a newer view is followed at once; an older one is not believed', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    const partition = cluster.partitions[0]!;
    cluster.viewChange(partition);
    const ack = await producer.send({ value: 'second' });
    expect(ack).toMatchObject({ offset: 1, node: 1 });
    // Node 1 says once that node 0 is primary, of the view that is over.
    let lies = 1;
    cluster.nodes[1]!.onProduce = () => {
      if (lies-- <= 0) return 'store';
      const address = cluster.nodes[0]!.address;
      return { refuse: 'notPrimary', details: { view: 0, epoch: 0, primary: 0, address } };
    };
    expect(await producer.send({ value: 'third' })).toMatchObject({ offset: 2, node: 1 });
  });

  test('the primary dies: the next one is found', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    await cluster.nodes[0]!.stop();
    setTimeout(() => cluster.viewChange(cluster.partitions[0]!), 150);
    const started = performance.now();
    expect(await producer.send({ value: 'second' })).toMatchObject({ offset: 1, node: 1 });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('batches refused behind a gap are sent again in order', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    let refused = false;
    cluster.nodes[0]!.onProduce = ({ sequence }) => {
      if (sequence !== 1 || refused) return 'store';
      refused = true;
      return { refuse: 'overloaded' };
    };
    const acks = await Promise.all([0, 1, 2, 3, 4].map((i) => producer.sendBatch(values(1, i))));
    expect(acks.map(({ baseOffset }) => baseOffset)).toEqual([1, 2, 3, 4, 5]);
    expect(cluster.partitions[0]!.log.map(({ header }) => header.sequence)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('refused for good: notApplied; the batches behind it take its sequence', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    cluster.nodes[0]!.onProduce = ({ sequence, count }) =>
      sequence === 1 && count === 7 ? { refuse: 'batchTooLarge' } : 'store';
    const bad = failure(producer.sendBatch(values(7)));
    const good = producer.sendBatch(values(2));
    expect(await bad).toMatchObject({ code: 'batchTooLarge', outcome: 'notApplied' });
    expect(await good).toMatchObject({ baseOffset: 1 });
    expect(cluster.partitions[0]!.log.map(({ header }) => header.sequence)).toEqual([0, 1]);
  });

  test('deadline: outcomeUnknown, the lane epoch is raised, and the next batch goes through', async () => {
    const producer = client.producer('shop/orders', { deliveryTimeoutMs: 400 });
    await producer.send({ value: 'first' });
    for (const node of cluster.nodes) node.onProduce = () => 'ignore';
    const error = await failure(producer.send({ value: 'lost' }));
    expect(error).toMatchObject({ code: 'outcomeUnknown', outcome: 'unknown' });
    for (const node of cluster.nodes) node.onProduce = () => 'store';
    expect(await producer.send({ value: 'next' })).toMatchObject({ offset: 1 });
    expect(cluster.seen.at(-1)).toMatchObject({ producerEpoch: 1, sequence: 0 });
  });

  test('deadline after refusals only: notApplied, with the last answer', async () => {
    const producer = client.producer('shop/orders', { deliveryTimeoutMs: 400 });
    await producer.send({ value: 'first' });
    for (const node of cluster.nodes) node.onProduce = () => ({ refuse: 'notReady' });
    expect(await failure(producer.send({ value: 'no' }))).toMatchObject({
      code: 'notReady',
      outcome: 'notApplied',
    });
  });

  test('an attempt without answer is sent again before the deadline', async () => {
    const producer = client.producer('shop/orders', { attemptTimeoutMs: 300 });
    await producer.send({ value: 'first' });
    let silent = true;
    cluster.nodes[0]!.onProduce = () => {
      if (!silent) return 'store';
      silent = false;
      return 'storeSilently';
    };
    expect(await producer.send({ value: 'second' })).toMatchObject({ offset: 1, duplicate: true });
  });

  test('an expired session is replaced where nothing is unanswered', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    const old = cluster.seen[0]!.producerId;
    cluster.nodes[0]!.onProduce = ({ producerId }) =>
      producerId === old ? { refuse: 'sessionExpired' } : 'store';
    expect(await producer.send({ value: 'second' })).toMatchObject({ offset: 1 });
    expect(cluster.seen.at(-1)!.producerId).not.toBe(old);
    expect(cluster.seen.at(-1)).toMatchObject({ producerEpoch: 0, sequence: 0 });
  });

  test('abort: unsent is notApplied and never sent, sent is unknown and settled all the same', async () => {
    const producer = client.producer('shop/orders', { inFlight: 1 });
    await producer.send({ value: 'first' });
    cluster.nodes[0]!.onProduce = () => 'storeSilently';
    const sentAbort = new AbortController();
    const unsentAbort = new AbortController();
    const sent = failure(producer.sendBatch(values(2), { signal: sentAbort.signal }));
    const unsent = failure(producer.sendBatch(values(3), { signal: unsentAbort.signal }));
    await new Promise((resolve) => setTimeout(resolve, 100));
    unsentAbort.abort();
    sentAbort.abort();
    expect(await unsent).toMatchObject({ code: 'aborted', outcome: 'notApplied' });
    expect(await sent).toMatchObject({ code: 'aborted', outcome: 'unknown' });
    cluster.nodes[0]!.onProduce = () => 'store';
    cluster.nodes[0]!.dropConnections();
    await producer.flush();
    expect(cluster.partitions[0]!.end).toBe(3);
    expect(producer.buffered).toEqual({ bytes: 0, records: 0 });
  });

  test('a call already aborted sends nothing', async () => {
    const error = await failure(
      client.producer('shop/orders').send({ value: 'x' }, { signal: AbortSignal.abort() }),
    );
    expect(error).toMatchObject({ code: 'aborted', outcome: 'notApplied' });
    expect(cluster.seen).toEqual([]);
  });

  test('a full buffer: throws overloaded, or waits for room in order', async () => {
    cluster.nodes[0]!.onProduce = () => 'storeSilently';
    const throwing = client.producer('shop/orders', { bufferRecords: 4, whenFull: 'throw' });
    const first = throwing.sendBatch(values(4));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await failure(throwing.sendBatch(values(1)))).toMatchObject({
      code: 'overloaded',
      outcome: 'notApplied',
    });
    const waiting = client.producer('shop/orders', { bufferRecords: 4, whenFull: 'wait' });
    const sent = [0, 1, 2].map((i) => waiting.sendBatch(values(4, i * 4)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(waiting.buffered.records).toBe(4);
    const late = await failure(waiting.sendBatch(values(1), { deadlineMs: 30 }));
    expect(late).toMatchObject({ code: 'timeout', outcome: 'notApplied' });
    cluster.nodes[0]!.onProduce = () => 'store';
    cluster.nodes[0]!.dropConnections();
    await first;
    const offsets = (await Promise.all(sent)).map(({ baseOffset }) => baseOffset!);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
    expect(waiting.buffered).toEqual({ bytes: 0, records: 0 });
  });

  test('garbage in place of an ack: the connection is closed, dialed anew, the batch sent again', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    const node = cluster.nodes[0]!;
    node.onProduce = () => {
      node.onProduce = () => 'store';
      for (const socket of node.sockets) socket.write(Buffer.alloc(64, 0xee));
      return 'storeSilently';
    };
    expect(await producer.send({ value: 'second' })).toMatchObject({ offset: 1, duplicate: true });
    expect(cluster.partitions[0]!.end).toBe(2);
  });

  test('a record over the limit is refused before anything is sent', async () => {
    const producer = client.producer('shop/orders');
    const big = { value: Buffer.alloc(1024 * 1024 + 1) };
    expect(await failure(producer.send(big))).toMatchObject({
      code: 'recordTooLarge',
      outcome: 'notApplied',
    });
    expect(await failure(producer.sendBatch([{ value: 'a' }, big]))).toMatchObject({
      code: 'recordTooLarge',
      details: { record: 1 },
    });
    expect(producer.buffered).toEqual({ bytes: 0, records: 0 });
    expect(await producer.send({ value: 'small' })).toMatchObject({ offset: 0 });
  });

  test('an unknown topic is told, and a bad name before anything is asked', async () => {
    expect(await failure(client.producer('shop/other').send({ value: 'x' }))).toMatchObject({
      code: 'unknownTopic',
    });
    expect(() => client.producer('no-slash')).toThrow(expect.objectContaining({ code: 'invalidName' }));
  });

  test('close finishes what was accepted, or says how much it did not finish', async () => {
    const producer = client.producer('shop/orders');
    const sent = producer.sendBatch(values(5));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await producer.close()).toEqual({ unfinished: 0 });
    expect(await sent).toMatchObject({ count: 5 });
    expect(await failure(producer.send({ value: 'x' }))).toMatchObject({
      code: 'closed',
      outcome: 'notApplied',
    });
    cluster.nodes[0]!.onProduce = () => 'ignore';
    const other = client.producer('shop/orders');
    const stuck = failure(other.sendBatch(values(3)));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await other.close({ timeoutMs: 100 })).toEqual({ unfinished: 3 });
    expect(await stuck).toMatchObject({ code: 'outcomeUnknown', outcome: 'unknown' });
  });
});

describe('a producer of several partitions', () => {
  beforeEach(() => start(3));

  test('keys go where the protocol says, keyless batches in turn, a partition where it is asked for', async () => {
    const producer = client.producer('shop/orders');
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      expect((await producer.send({ key, value: key })).partition).toBe(partitionForKey(key, 3));
    }
    const turns = [];
    for (let i = 0; i < 6; i++) turns.push((await producer.send({ value: 'x' })).partition);
    expect(new Set(turns.slice(0, 3))).toEqual(new Set([0, 1, 2]));
    expect(turns.slice(3)).toEqual(turns.slice(0, 3));
    expect((await producer.sendBatch(values(2), { partition: 2 })).partition).toBe(2);
    expect((await producer.sendBatch(values(2), { key: 'a' })).partition).toBe(partitionForKey('a', 3));
    expect(await failure(producer.sendBatch(values(1), { partition: 3 }))).toMatchObject({
      code: 'unknownPartition',
    });
    expect(producer.buffered).toEqual({ bytes: 0, records: 0 });
  });

  test('sendMany takes from an async source as there is room, and keeps the order of each key', async () => {
    const orders = topic('shop/orders', 'json', { key: (order: { id: string; n: number }) => order.id });
    const producer = client.producer(orders, { bufferRecords: 50, batchRecords: 20 });
    let taken = 0;
    let most = 0;
    async function* source() {
      for (let n = 0; n < 1_000; n++) {
        taken++;
        most = Math.max(most, producer.buffered.records);
        yield { id: `k${n % 7}`, n };
      }
    }
    const ack = await producer.sendMany(source());
    expect(ack).toMatchObject({ records: 1_000, duplicates: 0, durability: 'disk' });
    expect(taken).toBe(1_000);
    expect(most).toBeLessThanOrEqual(50);
    const last = new Map<string, number>();
    const consumer = client.consumer(orders, { until: 'end' });
    let count = 0;
    for await (const { value } of consumer.messages()) {
      expect(value.n).toBeGreaterThan(last.get(value.id) ?? -1);
      last.set(value.id, value.n);
      count++;
    }
    expect(count).toBe(1_000);
  });

  test('sendMany sends all to the partition that is asked for, whatever the keys', async () => {
    const producer = client.producer('shop/orders', { bufferRecords: 10 });
    const keyed = Array.from({ length: 50 }, (_, n) => ({ key: `k${n}`, value: String(n) }));
    expect(await producer.sendMany(keyed, { partition: 1 })).toMatchObject({ records: 50 });
    const found = [];
    for await (const message of client.consumer('shop/orders', { until: 'end' }).messages()) {
      expect(message.partition).toBe(1);
      found.push(message.value.toString());
    }
    expect(found).toEqual(keyed.map(({ value }) => value));
    const error = await failure(producer.sendMany(values(2), { partition: 3 }));
    expect(error).toMatchObject({ code: 'unknownPartition', outcome: 'notApplied', details: { acked: 0 } });
    expect(producer.buffered).toEqual({ bytes: 0, records: 0 });
  });

  test('sendMany fails with the first failure and says how many are stored', async () => {
    const producer = client.producer('shop/orders');
    const source = [{ value: 'a' }, { value: 'b' }, { value: Buffer.alloc(2 * 1024 * 1024) }, { value: 'c' }];
    const error = await failure(producer.sendMany(source));
    expect(error).toMatchObject({ code: 'recordTooLarge', outcome: 'notApplied' });
    expect(error.details).toMatchObject({ acked: expect.any(Number) });
    await producer.flush();
    expect(producer.buffered).toEqual({ bytes: 0, records: 0 });
  });
});
