import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, connect } from '../connect.ts';
import { FakeCluster } from '../testing/fake-cluster.ts';
import type { FakePartition } from '../testing/fake-partition.ts';
import type { ConsumerEvent } from './options.ts';

describe('what a consumer asks of a replica', () => {
  let cluster: FakeCluster;
  let client: Client;
  let partition: FakePartition;

  beforeEach(async () => {
    cluster = await FakeCluster.start();
    client = await connect(cluster.seeds);
    partition = cluster.partitions[0]!;
  });
  afterEach(async () => {
    await client.close();
    await cluster.stop();
  });

  test('a replica that is older than the bound says where the primary is, and is left for that one', async () => {
    cluster.fill(partition, 1, 1);
    const primary = partition.primary;
    let refusals = 0;
    for (const node of cluster.nodes) {
      node.onSubscribe = () => {
        if (node.id === primary) return null;
        refusals++;
        const details = {
          view: partition.view,
          epoch: 0,
          primary,
          address: cluster.nodes[primary]!.address,
          ageMs: 700,
        };
        return { refuse: 'stale', details };
      };
    }
    // By chance the primary may be asked at once: until a backup was.
    for (let tries = 0; refusals === 0; tries++) {
      expect(tries).toBeLessThan(50);
      const events: ConsumerEvent[] = [];
      const onEvent = (event: ConsumerEvent) => events.push(event);
      const consumer = client.consumer('shop/orders', { maxStalenessMs: 500, onEvent });
      expect((await consumer.messages().next()).value).toMatchObject({ offset: 0, node: primary });
      if (refusals > 0) {
        expect(events).toMatchObject([
          { type: 'stale', partition: 0, ageMs: 700 },
          { type: 'subscribed', node: primary },
        ]);
      }
      await consumer.close();
    }
    expect(refusals).toBe(1);
    expect(cluster.nodes[primary]!.subscribed).toMatchObject({ maxStalenessMs: 500 });
  });

  test('a bound that nobody could keep to is refused at once', () => {
    for (const maxStalenessMs of [0, 99, 1.5, Number.NaN, 86_400_001])
      expect(() => client.consumer('shop/orders', { maxStalenessMs })).toThrow(/maxStalenessMs/);
  });

  /** What the replicas were asked for last. */
  const tokenAsked = () =>
    cluster.nodes.map(({ subscribed }) => subscribed?.token).find((token) => token !== undefined);
  const forget = () => {
    for (const node of cluster.nodes) node.subscribed = null;
  };

  test('the session of a client is what it has written and read, and its consumers ask for that', async () => {
    await client.producer('shop/orders').send({ value: 'mine' });
    const consumer = client.consumer('shop/orders');
    expect((await consumer.messages().next()).value).toMatchObject({ offset: 0 });
    expect(tokenAsked()).toEqual({ lossEpoch: 0, op: 1 });
    // What was read counts too.
    cluster.fill(partition, 3, 1);
    for await (const { offset } of consumer.messages()) if (offset === 3) break;
    await consumer.close();
    forget();
    await client.consumer('shop/orders', { from: 3 }).messages().next();
    expect(tokenAsked()).toEqual({ lossEpoch: 0, op: 4 });
  });

  test('a session goes to another client as text, to all of its consumers or to one', async () => {
    await client.producer('shop/orders').send({ value: 'mine' });
    const { sessionToken } = client;
    for (const [given, onConsumer] of [
      [sessionToken, {}],
      [undefined, { sessionToken }],
    ] as const) {
      const second = await connect(cluster.seeds, { sessionToken: given });
      forget();
      await second.consumer('shop/orders', onConsumer).messages().next();
      expect(tokenAsked()).toEqual({ lossEpoch: 0, op: 1 });
      await second.close();
    }
    await expect(connect(cluster.seeds, { sessionToken: 'nonsense' })).rejects.toMatchObject({
      code: 'invalid',
    });
    expect(() => client.consumer('shop/orders', { sessionToken: 'nonsense' })).toThrow(/session token/);
  });

  test('without a session, nothing is asked for', async () => {
    await client.producer('shop/orders').send({ value: 'mine' });
    await client.consumer('shop/orders', { sessionToken: null }).messages().next();
    expect(tokenAsked()).toBeUndefined();
  });

  test('a log that has lost its end is an error for whoever wrote or read there, until the session is reset', async () => {
    await client.producer('shop/orders').send({ value: 'mine' });
    partition.lossEpoch = 1;
    const first = client.consumer('shop/orders');
    await expect(first.messages().next()).rejects.toMatchObject({
      code: 'lossEpochChanged',
      retryable: false,
    });
    // A write to the log as it is now does not make up for it.
    await client.producer('shop/orders').send({ value: 'more' });
    await expect(client.consumer('shop/orders').messages().next()).rejects.toMatchObject({
      code: 'lossEpochChanged',
    });
    client.resetSession();
    expect((await client.consumer('shop/orders').messages().next()).value).toMatchObject({ offset: 0 });
  });

  test('a log that loses its end under a consumer is an error, with or without a session', async () => {
    cluster.fill(partition, 1, 1);
    for (const options of [{}, { sessionToken: null }]) {
      client.resetSession();
      partition.lossEpoch = 0;
      const messages = client.consumer('shop/orders', options).messages();
      for (let read = 0; read < partition.end; read++) await messages.next();
      partition.lossEpoch = 1;
      cluster.fill(partition, 1, 1);
      await expect(messages.next()).rejects.toMatchObject({ code: 'lossEpochChanged' });
    }
  });

  test('a consistency is asked for with each subscription; another word is refused at once', async () => {
    cluster.fill(partition, 1, 1);
    for (const consistency of ['committed', 'linearizable'] as const) {
      forget();
      await client.consumer('shop/orders', { consistency }).messages().next();
      const asked = cluster.nodes.map(({ subscribed }) => subscribed?.consistency);
      expect(asked.filter((each) => each !== undefined)).toEqual([consistency]);
    }
    const consistency = 'strong' as 'committed';
    expect(() => client.consumer('shop/orders', { consistency })).toThrow(/'committed' or 'linearizable'/);
  });
});
