import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Client, connect } from '../connect.ts';
import { FakeCluster } from '../testing/fake-cluster.ts';

let cluster: FakeCluster;
let client: Client;

beforeEach(async () => {
  cluster = await FakeCluster.start();
  client = await connect(cluster.seeds);
});

afterEach(async () => {
  await client.close({ drain: false });
  await cluster.stop();
});

const asked = (node: number) =>
  cluster.nodes[node]!.requests.filter(({ op }) => op === 'partitionInfo').length;

describe('a primary that says nothing while its connection stays open', () => {
  test('is left as soon as another node says that it leads, with all that is in flight, in order', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    cluster.nodes[0]!.onProduce = () => 'ignore';
    const began = performance.now();
    const sent = ['a', 'b', 'c'].map((value) => producer.sendBatch([{ value }]));
    await sleep(500);
    expect(asked(1) + asked(2)).toBeGreaterThan(0);
    expect(cluster.seen.filter(({ node }) => node !== 0)).toEqual([]);
    cluster.viewChange(cluster.partitions[0]!);
    const acks = await Promise.all(sent);
    expect(acks.map(({ baseOffset, node }) => [baseOffset, node])).toEqual([
      [1, 1],
      [2, 1],
      [3, 1],
    ]);
    // The silence of a connection is believed after four seconds only.
    expect(performance.now() - began).toBeLessThan(3_000);
  });

  test('is not asked again in turn while the new primary is not ready', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    const partition = cluster.partitions[0]!;
    cluster.nodes[0]!.onProduce = () => 'ignore';
    cluster.nodes[1]!.onProduce = () => ({ refuse: 'notReady', details: cluster.redirect(partition) });
    const sending = producer.send({ value: 'second' });
    await sleep(200);
    cluster.viewChange(partition);
    await sleep(2_000);
    expect(cluster.seen.filter(({ node }) => node === 0)).toHaveLength(2);
    expect(cluster.seen.filter(({ node }) => node === 1).length).toBeGreaterThan(1);
    cluster.nodes[1]!.onProduce = () => 'store';
    const again = performance.now();
    expect(await sending).toMatchObject({ offset: 1, node: 1 });
    expect(performance.now() - again).toBeLessThan(2_500);
  });

  test('that was only asked in search of the real one is left when another says who that is', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    const partition = cluster.partitions[0]!;
    // The primary refuses for a while without a word on views: the client looks around, and node 2 is stopped.
    cluster.nodes[0]!.onProduce = () => ({ refuse: 'notReady' });
    cluster.nodes[2]!.onProduce = () => 'ignore';
    cluster.nodes[1]!.onProduce = () => ({ refuse: 'notReady' });
    const sending = producer.send({ value: 'second' });
    while (!cluster.seen.some(({ node }) => node === 2)) await sleep(10);
    cluster.nodes[0]!.onProduce = () => 'store';
    const asked = performance.now();
    expect(await sending).toMatchObject({ offset: 1, node: 0 });
    expect(performance.now() - asked).toBeLessThan(2_500);
    expect(partition.end).toBe(2);
  });

  test('is not left, and nothing is sent again, while the others know no newer view; they are asked ever less', async () => {
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'first' });
    cluster.nodes[0]!.onProduce = () => 'storeSilently';
    const sending = producer.send({ value: 'second' });
    await sleep(2_500);
    expect(cluster.seen).toHaveLength(2);
    const questions = asked(1) + asked(2);
    expect(questions).toBeGreaterThan(5);
    expect(questions).toBeLessThan(20);
    expect(asked(1)).toBeGreaterThan(0);
    expect(asked(2)).toBeGreaterThan(0);
    cluster.nodes[0]!.onProduce = () => 'store';
    cluster.nodes[0]!.dropConnections();
    expect(await sending).toMatchObject({ offset: 1, duplicate: true });
  });
});
