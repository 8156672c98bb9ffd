import type { Durability } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { founded, leader, withTopic } from './testing/cluster.ts';
import type { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

const NODES = [0, 1, 2];

function start(durability: Durability) {
  const cluster = founded(3, { checkpointIntervalMs: 3_600_000 });
  const { group, producerId } = withTopic(cluster, 0, 1, durability);
  let sequence = 0;
  const produce = (count: number, wanted: 0 | 1 | 2 = 0) => {
    if (!cluster.run(800, () => leader(cluster, group) !== null)) throw new Error('there is no primary');
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    const met: number[] = [];
    for (let i = 0; i < count; i++) {
      const answer = client.produce(group, { producerId, sequence }, [`${sequence}`], wanted);
      if (!answer.ok) throw answer.error;
      expect(answer.value.baseOffset).toBe(sequence++);
      met.push(answer.value.durability);
    }
    client.disconnect();
    return met;
  };
  const alter = (to: Durability) => {
    const client = TestClient.connect(cluster, 0, 'control');
    client.mustCall({ op: 'alterTopic', target: { stream: 'shop', topic: 'orders' }, durability: to });
    client.disconnect();
  };
  const followed = (to: Durability, nodes: readonly number[] = NODES) =>
    cluster.run(1_000, () => nodes.every((node) => modeAt(cluster, node, group) === to));
  const all = (node: number) => {
    const client = TestClient.connect(cluster, node);
    expect(client.subscribe(group, 1, { start: true })).toMatchObject({ ok: true });
    cluster.run(20);
    const records = client.records(1).map(({ value }) => Number(value));
    client.disconnect();
    return records;
  };
  const expected = () => Array.from({ length: sequence }, (_, i) => i);
  return { cluster, group, producerId, produce, alter, followed, all, expected };
}

function modeAt(cluster: Loopback, node: number, group: number): Durability | undefined {
  const host = cluster.hosts.get(node);
  return host?.broker?.groups().find(({ id }) => id === group)?.mode;
}

describe('altering the durability of a topic', () => {
  it('from memory to disk: acks say so from then on, and a power cut of all nodes takes nothing', () => {
    const { cluster, group, producerId, produce, alter, followed, all, expected } = start('memory');
    expect(produce(10)).toEqual(new Array(10).fill(1));
    alter('disk');
    expect(followed('disk')).toBe(true);
    // What was acked in memory before is covered by the switch: a retry is told so.
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    expect(client.produce(group, { producerId, sequence: 3 }, ['3'])).toMatchObject({
      ok: true,
      value: { duplicate: true, durability: 2 },
    });
    expect(produce(5, 2)).toEqual(new Array(5).fill(2));
    for (const node of NODES) cluster.kill(node);
    for (const node of NODES) cluster.start(node);
    expect(cluster.run(1_000, () => leader(cluster, group) !== null)).toBe(true);
    cluster.run(200);
    for (const node of NODES) {
      expect(modeAt(cluster, node, group)).toBe('disk');
      expect(all(node)).toEqual(expected());
    }
    expect(cluster.events.filter(({ name }) => name === 'group.recovering')).toEqual([]);
  });

  it('from disk to memory: what wants disk is refused from then on, and nothing is forgotten by one crash', () => {
    const { cluster, group, producerId, produce, alter, followed, all, expected } = start('disk');
    expect(produce(5)).toEqual(new Array(5).fill(2));
    alter('memory');
    expect(followed('memory')).toBe(true);
    expect(produce(5)).toEqual(new Array(5).fill(1));
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    expect(client.produce(group, { producerId, sequence: 10 }, ['10'], 2)).toMatchObject({
      ok: false,
      error: { code: 'durabilityUnavailable' },
    });
    const node = leader(cluster, group)!;
    cluster.kill(node);
    cluster.run(100, () => leader(cluster, group) !== null);
    produce(5);
    cluster.start(node);
    expect(followed('memory')).toBe(true);
    cluster.run(300);
    expect(cluster.events.some(({ name }) => name === 'group.recovered')).toBe(true);
    for (const id of NODES) expect(all(id)).toEqual(expected());
  });

  it('there and back, with a crash between any two: every node ends in the last mode, with every record', () => {
    const { cluster, group, produce, alter, followed, all, expected } = start('memory');
    for (const [i, to] of (['disk', 'memory', 'disk', 'memory'] as const).entries()) {
      produce(3);
      alter(to);
      const node = i % 3;
      cluster.kill(node, i % 2 === 0);
      produce(3);
      cluster.start(node);
      expect(followed(to)).toBe(true);
      expect(cluster.run(1_000, () => leader(cluster, group) !== null)).toBe(true);
    }
    cluster.run(300);
    for (const node of NODES) expect(all(node)).toEqual(expected());
  });

  it('is carried out by the next primary when the first one dies before its op is committed', () => {
    const { cluster, group, produce, alter, followed } = start('memory');
    produce(3);
    const first = leader(cluster, group)!;
    // No checkpoint of the others gets on, so the switch waits for them.
    cluster.held = (_node, { path }) => path.includes(`groups/${group}/snapshot`);
    alter('disk');
    cluster.run(50);
    expect(modeAt(cluster, first, group)).toBe('memory');
    cluster.kill(first);
    cluster.held = () => false;
    expect(
      followed(
        'disk',
        NODES.filter((node) => node !== first),
      ),
    ).toBe(true);
    expect(produce(2, 2)).toEqual([2, 2]);
  });

  it('shows the mode of each partition', () => {
    const { cluster, group, alter, followed } = start('disk');
    const client = TestClient.connect(cluster, leader(cluster, group)!, 'control');
    expect(client.mustCall({ op: 'partitionInfo', group })).toMatchObject({ mode: 'disk', lossEpoch: 0 });
    alter('memory');
    expect(followed('memory')).toBe(true);
    expect(client.mustCall({ op: 'partitionInfo', group })).toMatchObject({ mode: 'memory' });
    const { groups } = client.mustCall({ op: 'groupStates' });
    expect(groups.map(({ mode }) => mode)).toEqual(['disk', 'memory']);
  });
});
