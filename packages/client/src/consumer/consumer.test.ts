import { PREPARE_HEADER_SIZE, PrepareKind, VireoError } from '@vireo/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, connect } from '../connect.ts';
import { FakeCluster } from '../testing/fake-cluster.ts';
import type { FakePartition } from '../testing/fake-partition.ts';
import { topic } from '../topic.ts';
import type { ConsumerEvent } from './options.ts';

let cluster: FakeCluster;
let client: Client;

afterEach(async () => {
  await client.close();
  await cluster.stop();
});

const fill = (partition: FakePartition, batches: number, each: number) =>
  cluster.fill(partition, batches, each);

function noop(partition: FakePartition): void {
  const fields = { count: 0, producerId: 0, producerEpoch: 0, sequence: 0 };
  partition.seal(Buffer.alloc(PREPARE_HEADER_SIZE), fields, PrepareKind.noop);
}

async function failure(promise: Promise<unknown>): Promise<VireoError> {
  const error = await promise.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!VireoError.is(error)) throw new Error(`expected a VireoError, got ${String(error)}`);
  return error;
}

const sequence = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

describe('a consumer of one partition', () => {
  let partition: FakePartition;
  beforeEach(async () => {
    cluster = await FakeCluster.start();
    client = await connect(cluster.seeds);
    partition = cluster.partitions[0]!;
  });

  test('until the end: delivers what the primary had committed at the start, and stops there', async () => {
    fill(partition, 10, 7);
    noop(partition);
    fill(partition, 1, 7);
    const consumer = client.consumer('shop/orders', { until: 'end' });
    const offsets: number[] = [];
    for await (const message of consumer.messages()) {
      expect(message.bytes.toString()).toBe(String(message.offset));
      expect(message.role).toBe(message.node === partition.primary ? 'primary' : 'backup');
      offsets.push(message.offset);
      // What comes later is not waited for.
      if (message.offset === 3) fill(partition, 1, 100);
    }
    expect(offsets).toEqual(sequence(0, 77));
  });

  test('until the end of an empty partition: ends at once', async () => {
    const consumer = client.consumer('shop/orders', { until: 'end' });
    expect(await consumer.messages().next()).toEqual({ done: true, value: undefined });
  });

  test('a lagging replica is waited for', async () => {
    fill(partition, 10, 1);
    cluster.nodes[1]!.lag = 4;
    const consumer = client.consumer('shop/orders', { until: 'end', readFrom: { node: 1 } });
    setTimeout(() => {
      cluster.nodes[1]!.lag = 0;
      cluster.nodes[1]!.wake();
    }, 150);
    const offsets: number[] = [];
    for await (const { offset, node, role } of consumer.messages()) {
      expect([node, role]).toEqual([1, 'backup']);
      offsets.push(offset);
    }
    expect(offsets).toEqual(sequence(0, 10));
  });

  test('from an offset inside a batch, from the end, and only from the primary', async () => {
    fill(partition, 3, 5);
    const inside = client.consumer('shop/orders', { from: 7, until: 'end', readFrom: 'primary' });
    const offsets: number[] = [];
    for await (const { offset, role } of inside.messages()) {
      expect(role).toBe('primary');
      offsets.push(offset);
    }
    expect(offsets).toEqual(sequence(7, 15));
    const atEnd = client.consumer('shop/orders', { from: { 0: 'end' } });
    const next = atEnd.messages().next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    fill(partition, 1, 1);
    expect((await next).value).toMatchObject({ offset: 15 });
  });

  test('lost connections: resumes at the next undelivered offset, without gap or duplicate', async () => {
    fill(partition, 40, 5);
    const events: ConsumerEvent[] = [];
    const consumer = client.consumer('shop/orders', {
      until: 'end',
      creditBytes: 2_000,
      onEvent: (event) => events.push(event),
    });
    const offsets: number[] = [];
    for await (const { offset } of consumer.messages()) {
      offsets.push(offset);
      if (offset % 60 === 59) for (const node of cluster.nodes) node.dropConnections();
    }
    expect(offsets).toEqual(sequence(0, 200));
    expect(events.filter(({ type }) => type === 'left').length).toBeGreaterThanOrEqual(2);
  });

  test('a hole in what is pushed: subscribes anew, delivers the missing records', async () => {
    fill(partition, 20, 2);
    let holes = 2;
    for (const node of cluster.nodes) node.onPush = (_, baseOffset) => baseOffset >= 10 && holes-- > 0;
    const consumer = client.consumer('shop/orders', { until: 'end' });
    const offsets: number[] = [];
    for await (const { offset } of consumer.messages()) offsets.push(offset);
    expect(offsets).toEqual(sequence(0, 40));
  });

  test('a damaged batch is read from another replica', async () => {
    fill(partition, 4, 3);
    const bytes = partition.log[2]!.bytes;
    const damaged = cluster.nodes[2]!;
    // The same log for all nodes: damaged on the way out of node 2 only.
    let times = 0;
    damaged.onPush = (_, baseOffset) => {
      if (baseOffset === 6) {
        times++;
        bytes[bytes.length - 1]! ^= 1;
        setImmediate(() => {
          bytes[bytes.length - 1]! ^= 1;
        });
      }
      return false;
    };
    for (const node of [0, 1])
      cluster.nodes[node]!.onSubscribe = () => (times === 0 ? { refuse: 'notReady' } : null);
    const consumer = client.consumer('shop/orders', { until: 'end' });
    const offsets: number[] = [];
    for await (const { offset, bytes: value } of consumer.messages()) {
      expect(value.toString()).toBe(String(offset));
      offsets.push(offset);
    }
    expect(offsets).toEqual(sequence(0, 12));
    expect(times).toBeGreaterThan(0);
  });

  test('garbage from a node: its connection is closed, and reading goes on', async () => {
    fill(partition, 10, 2);
    let garbage = true;
    for (const node of cluster.nodes) {
      node.onPush = (socket, baseOffset) => {
        if (baseOffset !== 8 || !garbage) return false;
        garbage = false;
        socket.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\nthis is not what you think it is, is it?'));
        return true;
      };
    }
    const consumer = client.consumer('shop/orders', { until: 'end' });
    const offsets: number[] = [];
    for await (const { offset } of consumer.messages()) offsets.push(offset);
    expect(offsets).toEqual(sequence(0, 20));
  });

  test('credit: no more is under way than the window and a batch, and it comes back as records are handled', async () => {
    fill(partition, 50, 10);
    const size = partition.log[0]!.bytes.length;
    const consumer = client.consumer('shop/orders', {
      creditBytes: size * 4,
      readFrom: { node: 0 },
      until: 'end',
    });
    let pushed = 0;
    cluster.nodes[0]!.onPush = () => {
      pushed++;
      return false;
    };
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(pushed).toBeGreaterThanOrEqual(4);
    expect(pushed).toBeLessThanOrEqual(6);
    let batches = 0;
    for await (const batch of consumer.batches()) {
      expect(batch.records().map(({ offset }) => offset)).toEqual(
        sequence(batch.firstOffset, batch.endOffset),
      );
      batches++;
    }
    expect(batches).toBe(50);
  });

  test('resubscribing with a full window waits for the caller: held records stay bounded', async () => {
    fill(partition, 30, 5);
    const size = partition.log[0]!.bytes.length;
    const consumer = client.consumer('shop/orders', { until: 'end', creditBytes: size });
    let pushed = 0;
    for (const node of cluster.nodes) {
      node.onPush = () => {
        pushed++;
        return false;
      };
    }
    await expect.poll(() => pushed).toBe(1);
    for (let i = 0; i < 5; i++) {
      for (const node of cluster.nodes) node.dropConnections();
      await new Promise((resolve) => setTimeout(resolve, 60));
    }
    expect(pushed).toBe(1);
    const offsets: number[] = [];
    for await (const { offset } of consumer.messages()) offsets.push(offset);
    expect(offsets).toEqual(sequence(0, 150));
  });

  test('a signal ends the iteration, a later one goes on at the next record', async () => {
    fill(partition, 2, 5);
    const consumer = client.consumer('shop/orders');
    const offsets: number[] = [];
    for await (const { offset } of consumer.messages()) {
      offsets.push(offset);
      if (offset === 2) break;
    }
    const controller = new AbortController();
    for await (const { offset } of consumer.messages({ signal: controller.signal })) {
      offsets.push(offset);
      if (offset === 9) setTimeout(() => controller.abort(), 50);
    }
    expect(offsets).toEqual(sequence(0, 10));
  });

  test('an offset that never was is an error; a retained-away one is told as a gap', async () => {
    fill(partition, 1, 5);
    for (const node of cluster.nodes) {
      node.onSubscribe = () => ({ refuse: 'offsetOutOfRange', details: { start: 0, end: 5 } });
    }
    const beyond = client.consumer('shop/orders', { from: 99 });
    expect(await failure(beyond.messages().next())).toMatchObject({
      code: 'offsetOutOfRange',
      outcome: 'notApplied',
    });

    let told = false;
    for (const node of cluster.nodes) {
      node.onSubscribe = () => {
        if (told) return null;
        told = true;
        return { refuse: 'offsetOutOfRange', details: { start: 3, end: 5 } };
      };
    }
    const events: ConsumerEvent[] = [];
    const behind = client.consumer('shop/orders', { from: 1, onEvent: (event) => events.push(event) });
    expect((await behind.messages().next()).value).toMatchObject({ offset: 3 });
    expect(events).toContainEqual({ type: 'gap', partition: 0, from: 1, to: 3 });
  });

  test('a stale replica is left for another one', async () => {
    fill(partition, 1, 1);
    cluster.nodes[1]!.ageMs = 60_000;
    for (const node of [0, 2])
      cluster.nodes[node]!.onSubscribe = () => (stale ? { refuse: 'notReady' } : null);
    let stale = true;
    const events: ConsumerEvent[] = [];
    const consumer = client.consumer('shop/orders', {
      onEvent: (event) => {
        events.push(event);
        if (event.type === 'stale') stale = false;
      },
    });
    const messages = consumer.messages();
    expect((await messages.next()).value).toMatchObject({ offset: 0 });
    const next = messages.next();
    fill(partition, 1, 1);
    const second = (await next).value;
    expect(second).toMatchObject({ offset: 1 });
    expect(events).toContainEqual({ type: 'stale', partition: 0, node: 1, ageMs: 60_000 });
    await expect.poll(() => events.at(-1)).toMatchObject({ type: 'subscribed' });
    expect(events.at(-1)).not.toMatchObject({ node: 1 });
  });

  test('nobody serves: an error once the bound that was set is over', async () => {
    for (const node of cluster.nodes) node.onSubscribe = () => ({ refuse: 'notReady' });
    const consumer = client.consumer('shop/orders', { stalledMsMax: 600 });
    expect(await failure(consumer.messages().next())).toMatchObject({
      code: 'timeout',
      outcome: 'notApplied',
    });
  });

  test('a value that does not decode is delivered as an error with its bytes; the rest follows', async () => {
    const producer = client.producer('shop/orders');
    await producer.sendBatch([
      { value: '{"n":1}' },
      { value: 'not json' },
      { value: '{"n":"x"}' },
      { value: '{"n":4}' },
    ]);
    const parse = (value: unknown): { n: number } => {
      const { n } = value as { n: unknown };
      if (typeof n !== 'number') throw new TypeError('n is not a number');
      return { n };
    };
    const consumer = client.consumer(topic('shop/orders', { parse }), { until: 'end' });
    const seen: (number | string)[] = [];
    for await (const message of consumer.messages()) {
      if (message.error === null) seen.push(message.value.n);
      else {
        expect(message.error.code).toBe('corruptRecord');
        expect(() => message.value).toThrow(message.error);
        seen.push(message.bytes.toString());
      }
    }
    expect(seen).toEqual([1, 'not json', '{"n":"x"}', 4]);
  });

  test('an unknown topic or partition is thrown where records are asked for', async () => {
    expect(await failure(client.consumer('shop/other').messages().next())).toMatchObject({
      code: 'unknownTopic',
    });
    const consumer = client.consumer('shop/orders', { partitions: [4] });
    expect(await failure(consumer.messages().next())).toMatchObject({ code: 'unknownPartition' });
  });

  test('closing ends an iteration that waits', async () => {
    const consumer = client.consumer('shop/orders');
    const next = consumer.messages().next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await consumer.close();
    expect(await next).toEqual({ done: true, value: undefined });
  });
});

describe('a consumer of several partitions', () => {
  beforeEach(async () => {
    cluster = await FakeCluster.start(3);
    client = await connect(cluster.seeds);
  });

  test('each in order, packed records too; primaries change under it', async () => {
    const producer = client.producer('shop/orders', { compression: 'lz4' });
    for (let i = 0; i < 30; i++) {
      const records = sequence(0, 20).map((n) => ({ value: `${i}-${n}`.padEnd(200, '.') }));
      await producer.sendBatch(records);
    }
    expect(cluster.partitions.map(({ end }) => end)).toEqual([200, 200, 200]);
    const consumer = client.consumer('shop/orders', {
      until: 'end',
      readFrom: 'primary',
      creditBytes: 1_000,
    });
    const next = [0, 0, 0];
    for await (const { partition, offset, role, node } of consumer.messages()) {
      expect(offset).toBe(next[partition]);
      expect(role).toBe('primary');
      expect(node).toBe(cluster.partitions[partition]!.primary);
      next[partition]!++;
      if (offset === 50) {
        cluster.viewChange(cluster.partitions[partition]!);
        // Records of the old view that are in the client already were served by the old primary.
        await new Promise((resolve) => setTimeout(resolve, 20));
        break;
      }
    }
    for await (const { partition, offset, role } of consumer.messages()) {
      expect(offset).toBe(next[partition]);
      expect(role).toBe('primary');
      next[partition]!++;
    }
    expect(next).toEqual([200, 200, 200]);
  });
});
