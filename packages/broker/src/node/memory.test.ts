import { describe, expect, it } from 'vitest';
import type { HostedGroup } from './hosted-group.ts';
import { founded, leader, withTopic } from './testing/cluster.ts';
import type { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

const NODES = [0, 1, 2];

function find(cluster: Loopback, node: number, group: number): HostedGroup | undefined {
  return cluster
    .broker(node)
    .groups()
    .find(({ id }) => id === group);
}

function replica(cluster: Loopback, node: number, group: number): HostedGroup {
  const found = find(cluster, node, group);
  if (found === undefined) throw new Error(`node ${node} has no replica of group ${group}`);
  return found;
}

function start(changes: Record<string, number> = {}) {
  const cluster = founded(3, changes);
  const { group, producerId } = withTopic(cluster, 0, 1, 'memory');
  let sequence = 0;
  const produce = (count: number, bytes = 100) => {
    if (!cluster.run(500, () => leader(cluster, group) !== null)) throw new Error('there is no primary');
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    for (let i = 0; i < count; i++) {
      const answer = client.produce(group, { producerId, sequence }, [`${sequence} ${'x'.repeat(bytes)}`]);
      expect(answer).toMatchObject({ ok: true, value: { baseOffset: sequence, durability: 1 } });
      sequence++;
    }
    client.disconnect();
  };
  const stop = (node: number) => {
    let stopped = false;
    cluster.broker(node).stop(() => {
      stopped = true;
    });
    expect(cluster.run(1_000, () => stopped)).toBe(true);
    cluster.kill(node, false);
  };
  /** Whether the replica of the node had to recover in this run, and has. */
  const recovered = (node: number) => {
    const of = (name: string) =>
      cluster.events.filter(
        (event) => event.name === name && event.node === node && event.fields.group === group,
      );
    return { began: of('group.recovering'), ended: of('group.recovered') };
  };
  const caughtUp = (nodes: readonly number[] = NODES) =>
    cluster.run(1_000, () =>
      nodes.every((node) => {
        // Until metadata is applied again it may not know of the group.
        const found = find(cluster, node, group);
        return found !== undefined && !found.recovering && found.log.endOffset === sequence;
      }),
    );
  const all = (node: number) => {
    const client = TestClient.connect(cluster, node);
    expect(client.subscribe(group, 1, { start: true })).toMatchObject({ ok: true });
    cluster.run(10);
    const records = client.records(1).map(({ value }) => Number.parseInt(value, 10));
    client.disconnect();
    return records;
  };
  const expected = () => Array.from({ length: sequence }, (_, i) => i);
  return { cluster, group, producerId, produce, stop, recovered, caughtUp, all, expected };
}

describe('a topic in mode memory', () => {
  it('acks what is in the memory of a quorum, says so, and refuses who asks for more', () => {
    const { cluster, group, producerId, produce } = start();
    const before = cluster.broker(leader(cluster, group)!).stats().counters.journalBytes!;
    produce(20, 1_000);
    expect(cluster.broker(leader(cluster, group)!).stats().counters.journalBytes! - before).toBeLessThan(
      2_000,
    );
    const client = TestClient.connect(cluster, leader(cluster, group)!);
    expect(client.produce(group, { producerId, sequence: 20 }, ['a'], 2)).toMatchObject({
      ok: false,
      error: { code: 'durabilityUnavailable' },
    });
  });

  it('forgets nothing over a graceful restart of each node: none has to recover', () => {
    const { cluster, produce, stop, recovered, caughtUp, all, expected } = start();
    produce(10);
    for (const node of NODES) {
      stop(node);
      produce(5);
      cluster.start(node);
      expect(caughtUp()).toBe(true);
      expect(recovered(node).began).toEqual([]);
      expect(all(node)).toEqual(expected());
    }
    expect(cluster.events.filter(({ name }) => name === 'group.unsealed')).toEqual([]);
  });

  it('is all there after every node was stopped gracefully at once', () => {
    const { cluster, group, produce, recovered, caughtUp, all, expected } = start();
    produce(10);
    let stopped = 0;
    for (const node of NODES) cluster.broker(node).stop(() => stopped++);
    expect(cluster.run(1_500, () => stopped === 3)).toBe(true);
    for (const node of NODES) cluster.kill(node);
    for (const node of NODES) cluster.start(node);
    expect(cluster.run(500, () => leader(cluster, group) !== null)).toBe(true);
    expect(caughtUp()).toBe(true);
    for (const node of NODES) expect([recovered(node).began, all(node)]).toEqual([[], expected()]);
    produce(3);
  });

  it.each([true, false])(
    'survives a crash of any node, which recovers before it votes (power cut: %s)',
    (power) => {
      const { cluster, produce, recovered, caughtUp, all, expected } = start();
      produce(10);
      for (const node of NODES) {
        cluster.run(30);
        cluster.kill(node, power);
        produce(5);
        cluster.start(node);
        expect(caughtUp()).toBe(true);
        const { began, ended } = recovered(node);
        expect([began.length, ended.length]).toEqual([1, 1]);
        expect(began[0]?.fields.reason).toBe('amnesiac');
        expect(all(node)).toEqual(expected());
      }
    },
  );

  it('keeps, over the death of a process, what its segments have beyond the checkpoint', () => {
    const { cluster, group, produce, caughtUp } = start();
    produce(60, 2_000);
    cluster.run(120);
    const node = NODES.find((id) => id !== leader(cluster, group))!;
    const { log, checkpointOp } = replica(cluster, node, group);
    const { endOp } = log;
    expect(checkpointOp).toBe(0);
    cluster.kill(node, true);
    cluster.start(node);
    cluster.run(50, () => find(cluster, node, group) !== undefined);
    const opened = cluster.events.findLast(
      ({ name, node: id, fields }) => name === 'group.opened' && id === node && fields.group === group,
    );
    expect(opened?.fields).toMatchObject({ op: endOp, checkpointOp: 0 });
    expect(caughtUp()).toBe(true);
  });

  it('has its segments synced at the interval', () => {
    const { cluster, group, produce } = start({ flushIntervalMs: 200 });
    produce(5);
    cluster.run(21);
    for (const node of NODES) {
      const { syncedOp, log } = replica(cluster, node, group);
      expect(syncedOp).toBe(log.endOp);
      expect(cluster.hosts.get(node)!.disk.unsynced(`groups/${group}/0000000000000001.segment`)).toBe(0);
    }
  });

  it('ends the node when its segments can not be synced', () => {
    const { cluster, group, produce } = start();
    const node = NODES.find((id) => id !== leader(cluster, group))!;
    cluster.fault = (id, { kind, path }) =>
      id === node && kind === 'sync' && path.startsWith(`groups/${group}/`) ? 'io' : null;
    produce(5);
    cluster.run(120);
    expect(cluster.hosts.get(node)!.failed).toMatchObject({ code: 'diskFailed' });
  });

  it('is deleted while its segments are synced: the node goes on', () => {
    const { cluster, group, produce } = start();
    const node = NODES.find((id) => id !== leader(cluster, group))!;
    produce(5);
    const isSegment = (path: string) => path.startsWith(`groups/${group}/`) && path.endsWith('.segment');
    cluster.held = (id, { path }) => id === node && isSegment(path);
    cluster.run(120);
    const client = TestClient.connect(cluster, node, 'control');
    client.mustCall({ op: 'deleteTopic', target: { stream: 'shop', topic: 'orders' } });
    // Its file may be gone before the call that is next.
    let failed = 0;
    cluster.fault = (id, { kind, path }) => {
      if (id !== node || kind !== 'sync' || !isSegment(path)) return null;
      failed++;
      return 'notFound';
    };
    cluster.held = () => false;
    cluster.run(50);
    expect(failed).toBe(1);
    expect(cluster.hosts.get(node)!.failed).toBeNull();
  });

  it('has checkpoints by time, and by bytes, though the journal does not grow', () => {
    const { cluster, group, produce } = start({ checkpointIntervalMs: 1_000 });
    produce(5);
    cluster.run(130);
    for (const node of NODES) {
      const {
        checkpointOp,
        replica: { state },
      } = replica(cluster, node, group);
      expect(checkpointOp).toBe(state.commitMin);
    }
    const bytes = start({ checkpointIntervalMs: 3_600_000 });
    bytes.produce(60, 50_000);
    bytes.cluster.run(10);
    for (const node of NODES)
      expect(replica(bytes.cluster, node, bytes.group).checkpointOp).toBeGreaterThan(0);
  });

  it('tells of a replica that could not be made durable at a graceful stop: it recovers at the next start', () => {
    const { cluster, group, produce, stop, recovered, caughtUp } = start();
    produce(5);
    const node = NODES.find((id) => id !== leader(cluster, group))!;
    cluster.held = (id, { path }) => id === node && path.includes(`groups/${group}/snapshot`);
    stop(node);
    cluster.held = () => false;
    expect(cluster.events.filter(({ name }) => name === 'group.unsealed')).toMatchObject([
      { node, fields: { group } },
    ]);
    produce(2);
    cluster.start(node);
    expect(caughtUp()).toBe(true);
    expect(recovered(node).ended).toHaveLength(1);
  });

  it('waits, rather than forget, when its primary and another one crash at once', () => {
    const { cluster, group, produce } = start();
    produce(5);
    const primary = leader(cluster, group)!;
    const crashed = [primary, (primary + 1) % 3];
    for (const node of crashed) cluster.kill(node, false);
    for (const node of crashed) cluster.start(node);
    cluster.run(2_000);
    expect(leader(cluster, group)).toBeNull();
    expect(leader(cluster, 0)).not.toBeNull();
    for (const node of crashed) expect(replica(cluster, node, group).replica.state.status).toBe('amnesiac');
  });

  it('with two replicas stops at the crash of its primary until an operator acts, and loses nothing by it', () => {
    const cluster = founded(2);
    const { group, producerId } = withTopic(cluster, 0, 1, 'memory', 2);
    const primary = leader(cluster, group)!;
    const client = TestClient.connect(cluster, primary);
    for (let sequence = 0; sequence < 5; sequence++)
      expect(client.produce(group, { producerId, sequence }, [`${sequence}`])).toMatchObject({ ok: true });
    cluster.kill(primary);
    cluster.start(primary);
    cluster.run(2_000);
    expect(leader(cluster, 0)).not.toBeNull();
    expect(leader(cluster, group)).toBeNull();
    for (const node of [0, 1])
      TestClient.connect(cluster, node, 'control').mustCall({ op: 'coldStart', group, without: false });
    expect(cluster.run(1_000, () => leader(cluster, group) !== null)).toBe(true);
    const info = TestClient.connect(cluster, leader(cluster, group)!, 'control');
    expect(info.mustCall({ op: 'partitionInfo', group })).toMatchObject({ end: 5, lossEpoch: 1 });
  });
});
