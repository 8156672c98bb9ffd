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
});
