import { describe, expect, it } from 'vitest';
import { config, founded, leader, withTopic } from './testing/cluster.ts';
import { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

const NODES = [0, 1, 2];

/** A topic in mode memory with ten records, of which a power cut of all nodes leaves what was synced: the first five. */
function afterPowerCut(cluster: Loopback) {
  const { group, producerId } = withTopic(cluster, 0, 1, 'memory');
  const client = TestClient.connect(cluster, leader(cluster, group)!);
  for (let sequence = 0; sequence < 5; sequence++)
    expect(client.produce(group, { producerId, sequence }, [`${sequence}`])).toMatchObject({ ok: true });
  cluster.run(120);
  for (let sequence = 5; sequence < 10; sequence++)
    expect(client.produce(group, { producerId, sequence }, [`${sequence}`])).toMatchObject({ ok: true });
  const token = client.produce(group, { producerId, sequence: 9 }, ['9']);
  if (!token.ok) throw token.error;
  for (const node of NODES) cluster.kill(node);
  for (const node of NODES) cluster.start(node);
  expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
  cluster.run(300);
  return { group, producerId, op: token.value.op };
}

function order(cluster: Loopback, group: number, without = false) {
  return NODES.filter((node) => cluster.hosts.get(node)!.broker !== null).map((node) => {
    const client = TestClient.connect(cluster, node, 'control');
    const answer = client.call({ op: 'coldStart', group, without });
    client.disconnect();
    return answer.ok ? answer.value.status : answer.error.code;
  });
}

describe('a power cut of a whole group in mode memory', () => {
  it('is waited out until an operator orders a cold start; what is left then goes on, and the loss is told', () => {
    const cluster = founded();
    const { group, op } = afterPowerCut(cluster);
    cluster.run(3_000);
    expect(leader(cluster, group)).toBeNull();
    expect(order(cluster, group)).toEqual(['amnesiac', 'amnesiac', 'amnesiac']);
    expect(cluster.run(1_000, () => leader(cluster, group) !== null)).toBe(true);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    expect(client.mustCall({ op: 'partitionInfo', group })).toMatchObject({ end: 5, lossEpoch: 1 });
    // A token of before names a log that is not this one any more.
    expect(client.subscribe(group, 1, { start: true }, { token: { lossEpoch: 0, op } })).toMatchObject({
      ok: false,
      error: { code: 'lossEpochChanged' },
    });
    const answer = client.produce(group, { producerId: 0, sequence: 0 }, ['new']);
    expect(answer).toMatchObject({ ok: true, value: { baseOffset: 5, lossEpoch: 1, durability: 1 } });
    cluster.run(200);
    for (const node of NODES) {
      const reader = TestClient.connect(cluster, node);
      expect(reader.subscribe(group, 1, { start: true })).toMatchObject({ ok: true });
      cluster.run(10);
      expect(reader.records(1).map(({ value }) => value)).toEqual(['0', '1', '2', '3', '4', 'new']);
    }
    expect(cluster.events.filter(({ name }) => name === 'group.coldStarted')).toHaveLength(3);
  });

  it('keeps its loss epoch over restarts, from the segments and from a checkpoint', () => {
    const cluster = founded();
    const { group } = afterPowerCut(cluster);
    order(cluster, group);
    expect(cluster.run(1_000, () => leader(cluster, group) !== null)).toBe(true);
    cluster.run(300);
    const lossEpochs = () =>
      NODES.map(
        (node) =>
          cluster
            .broker(node)
            .groups()
            .find(({ id }) => id === group)?.lossEpoch,
      );
    expect(lossEpochs()).toEqual([1, 1, 1]);
    for (const node of NODES) {
      cluster.kill(node, false);
      cluster.start(node);
      cluster.run(400);
      expect(lossEpochs()).toEqual([1, 1, 1]);
    }
    let stopped = 0;
    for (const node of NODES) cluster.broker(node).stop(() => stopped++);
    expect(cluster.run(1_500, () => stopped === 3)).toBe(true);
    for (const node of NODES) cluster.kill(node);
    for (const node of NODES) cluster.start(node);
    expect(cluster.run(500, () => leader(cluster, group) !== null)).toBe(true);
    cluster.run(200);
    expect(lossEpochs()).toEqual([1, 1, 1]);
  });

  it('ends by itself where the policy says so, once all members are there', () => {
    const cluster = new Loopback({ ...config(), coldStart: 'allPresent' });
    cluster.startAll();
    expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
    const { group } = afterPowerCut(cluster);
    expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    expect(client.mustCall({ op: 'partitionInfo', group })).toMatchObject({ end: 5, lossEpoch: 1 });
  });

  it('can not be ordered of a group that has a primary, nor of one that is not there', () => {
    const cluster = founded();
    const { group } = withTopic(cluster, 0, 1, 'memory');
    expect(order(cluster, group)).toEqual(['invalid', 'invalid', 'invalid']);
    expect(order(cluster, 99)).toEqual(['metadataBehind', 'metadataBehind', 'metadataBehind']);
    cluster.run(500);
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    expect(client.mustCall({ op: 'partitionInfo', group })).toMatchObject({ lossEpoch: 0 });
  });

  it('can be ordered without a member that does not come back', () => {
    const cluster = founded();
    const { group } = afterPowerCut(cluster);
    cluster.kill(2);
    cluster.run(300);
    order(cluster, group);
    cluster.run(1_500);
    expect(leader(cluster, group)).toBeNull();
    order(cluster, group, true);
    expect(cluster.run(2_000, () => leader(cluster, group) !== null)).toBe(true);
  });
});

describe('a metadata group whose members all lost its end', () => {
  it('goes on by order, and gives no id again that a lost op may have given', () => {
    const cluster = founded();
    const { group } = withTopic(cluster);
    const admin = TestClient.connect(cluster, 0, 'control');
    const { streamId } = admin.mustCall({ op: 'createStream', name: 'lost' });
    cluster.run(150);
    for (const node of NODES) {
      cluster.kill(node);
      const { disk } = cluster.hosts.get(node)!;
      for (const path of disk.paths.filter((name) => name.startsWith('journal/'))) {
        const at = disk.content(path).indexOf('lost');
        if (at >= 0) disk.corrupt(path, at);
      }
    }
    for (const node of NODES) cluster.start(node);
    cluster.run(1_500);
    expect(leader(cluster, 0)).toBeNull();
    expect(order(cluster, 0)).toHaveLength(3);
    expect(cluster.run(1_500, () => leader(cluster, 0) !== null)).toBe(true);
    cluster.run(100);
    const client = TestClient.connect(cluster, 0, 'control');
    const { streams, stamp } = client.mustCall({ op: 'describe' });
    expect(streams.map(({ name }) => name)).toEqual(['shop']);
    expect(stamp).toBeGreaterThan(2 ** 40);
    expect(client.mustCall({ op: 'createStream', name: 'lost' }).streamId).toBeGreaterThan(
      2 ** 20 + streamId - 1,
    );
    expect(cluster.run(500, () => leader(cluster, group) !== null)).toBe(true);
  });
});
