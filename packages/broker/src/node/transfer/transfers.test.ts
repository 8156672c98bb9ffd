import { isStaged } from '@vireo/storage';
import { describe, expect, it } from 'vitest';
import { config, leader, withTopic } from '../testing/cluster.ts';
import { Loopback } from '../testing/loopback.ts';
import { TestClient } from '../testing/test-client.ts';
import type { BrokerConfig } from '../world.ts';

const SMALL = { journalFileBytes: 64 * 1024, batchBytesMax: 16 * 1024, segmentBytes: 64 * 1024 };
const TRANSFER = { ops: 20, chunkBytes: 4096 };

interface Lagging {
  readonly cluster: Loopback;
  readonly group: number;
  readonly producerId: number;
  /** Not the primary. Down. */
  readonly behind: number;
  /** Batches of 2,000 bytes, each acked. */
  produce(count: number): void;
}

/** A partition of which one replica has missed `missed` batches. */
function lagging(missed: number, settings: Partial<BrokerConfig> = {}): Lagging {
  const cluster = new Loopback({ ...config(3, SMALL), transfer: TRANSFER, ...settings });
  cluster.startAll();
  expect(cluster.run(300, () => leader(cluster, 0) !== null)).toBe(true);
  const { group, producerId } = withTopic(cluster);
  const primary = leader(cluster, group)!;
  const behind = [0, 1, 2].find((id) => id !== primary && id !== leader(cluster, 0))!;
  const client = TestClient.connect(cluster, primary);
  let sequence = 0;
  const produce = (count: number) => {
    for (let i = 0; i < count; i++) {
      const value = `${sequence}`.padEnd(2_000, '.');
      expect(client.produce(group, { producerId, sequence: sequence++ }, [value]).ok).toBe(true);
      cluster.run(1);
    }
  };
  produce(5);
  cluster.run(10);
  cluster.kill(behind);
  produce(missed);
  return { cluster, group, producerId, behind, produce };
}

function groupAt(cluster: Loopback, node: number, group: number) {
  return cluster
    .broker(node)
    .groups()
    .find(({ id }) => id === group)!;
}

function segmentsOf(cluster: Loopback, node: number, group: number): string[] {
  const { disk } = cluster.hosts.get(node)!;
  const directory = `groups/${group}`;
  return disk
    .list(directory)
    .filter((name) => name.endsWith('.segment'))
    .map((name) => `${name} ${disk.content(`${directory}/${name}`).toString('latin1')}`);
}

function stagedOf(cluster: Loopback, node: number, group: number): string[] {
  return cluster.hosts.get(node)!.disk.list(`groups/${group}`).filter(isStaged);
}

function counters(cluster: Loopback, node: number): Record<string, number> {
  return cluster.broker(node).stats().counters;
}

/** Lets the replica catch up, and compares it with another one. */
function expectCaughtUp({ cluster, group, behind }: Lagging): void {
  const other = groupAt(cluster, (behind + 1) % 3, group);
  expect(
    cluster.run(1_000, () => {
      const own = groupAt(cluster, behind, group);
      return own !== undefined && own.replica.state.commitMin === other.replica.state.commitMin;
    }),
  ).toBe(true);
  const own = groupAt(cluster, behind, group);
  expect(own.snapshot()).toEqual(other.snapshot());
  expect(own.log.headChecksum).toBe(other.log.headChecksum);
}

describe('a replica that has missed much', () => {
  it.each([70, 250])('takes up the checkpoint of a peer in place of %i batches', (missed) => {
    const setting = lagging(missed);
    const { cluster, group, behind, produce } = setting;
    cluster.start(behind);
    expectCaughtUp(setting);
    const { transfersStarted, transfersFinished, transfersFailed, transferBytesFetched } = counters(
      cluster,
      behind,
    );
    // The last checkpoint may be so old that another one is worth it.
    expect(transfersFinished).toBeGreaterThan(0);
    expect([transfersStarted, transfersFailed]).toEqual([transfersFinished, 0]);
    expect(transferBytesFetched).toBeGreaterThan(missed * 1_000);
    const served = [0, 1, 2]
      .filter((id) => id !== behind)
      .map((id) => counters(cluster, id).transferBytesServed!);
    // By turns, from all who have it.
    for (const bytes of served) expect(bytes).toBeGreaterThan(0);
    const finished = cluster.events.filter(({ name }) => name === 'transfer.finished');
    expect(finished.map(({ node, fields }) => [node, fields.group])).toEqual(
      finished.map(() => [behind, group]),
    );
    // It takes part again, and what it says survives a restart.
    produce(10);
    cluster.run(10);
    cluster.kill(behind);
    cluster.start(behind);
    expectCaughtUp(setting);
    const reader = TestClient.connect(cluster, behind);
    reader.subscribe(group, 1, { start: true });
    cluster.run(50);
    expect(
      reader
        .records(1)
        .map(({ value }) => Number.parseInt(value, 10))
        .slice(0, 40),
    ).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(segmentsOf(cluster, behind, group)[0]).toBe(segmentsOf(cluster, (behind + 1) % 3, group)[0]);
  });

  it('serves its consumers from where they were', () => {
    const setting = lagging(0);
    const { cluster, group, behind, produce } = setting;
    cluster.start(behind);
    expectCaughtUp(setting);
    const reader = TestClient.connect(cluster, behind);
    reader.subscribe(group, 1, { start: true });
    cluster.run(10);
    // Its peers reach it no more, its consumer does.
    const others = [...cluster.endpoints.values()].filter(
      ({ owner, other }) => owner === behind && typeof other?.owner === 'number',
    );
    for (const endpoint of others) endpoint.paused = true;
    produce(60);
    for (const endpoint of others) endpoint.paused = false;
    // What was sent meanwhile is lost.
    for (const endpoint of others) endpoint.inbox.length = 0;
    for (const endpoint of others) cluster.close(endpoint);
    expectCaughtUp(setting);
    cluster.run(50);
    expect(reader.records(1).map(({ value }) => Number.parseInt(value, 10))).toEqual(
      Array.from({ length: 65 }, (_, i) => i),
    );
    expect(counters(cluster, behind).transfersFinished).toBe(1);
  });

  it('goes on with what is staged after a crash of its own, and leaves nothing of it behind', () => {
    const setting = lagging(250);
    const { cluster, group, behind } = setting;
    let writes = 0;
    cluster.held = (node, { kind, path }) =>
      node === behind && kind === 'write' && path.includes('transfer-') && ++writes > 60;
    cluster.start(behind);
    cluster.run(100);
    expect(stagedOf(cluster, behind, group).length).toBeGreaterThan(2);
    cluster.kill(behind, false);
    cluster.held = () => false;
    cluster.start(behind);
    expectCaughtUp(setting);
    const { transferBytesKept, transfersFinished } = counters(cluster, behind);
    expect(transfersFinished).toBeGreaterThan(0);
    expect(transferBytesKept).toBeGreaterThan(20 * TRANSFER.chunkBytes);
    cluster.run(300);
    expect(stagedOf(cluster, behind, group)).toEqual([]);
  });

  it('fetches from the others what a member that dies has not sent', () => {
    const setting = lagging(250);
    const { cluster, behind, group } = setting;
    cluster.start(behind);
    expect(cluster.run(200, () => counters(cluster, behind).transfersStarted === 1)).toBe(true);
    const primary = leader(cluster, group)!;
    cluster.kill([0, 1, 2].find((id) => id !== behind && id !== primary)!);
    expect(cluster.run(1_000, () => groupAt(cluster, behind, group).replica.state.commitMin >= 250)).toBe(
      true,
    );
  });

  it('is repaired op by op if its disk has no room, or its peers have other chunks', () => {
    for (const trouble of ['noSpace', 'chunks'] as const) {
      const setting = lagging(60);
      const { cluster, behind, group } = setting;
      if (trouble === 'noSpace')
        cluster.fault = (node, { path, kind }) =>
          node === behind && kind === 'write' && path.includes('transfer-') ? 'noSpace' : null;
      else cluster.overrides.set(behind, { transfer: { ops: 20, chunkBytes: 8192 } });
      cluster.start(behind);
      expectCaughtUp(setting);
      const { transfersStarted, transfersFinished, transfersFailed } = counters(cluster, behind);
      expect(transfersFinished).toBe(0);
      expect(transfersStarted).toBe(trouble === 'noSpace' ? 1 : 0);
      expect(transfersFailed).toBe(transfersStarted);
      cluster.run(300);
      expect(stagedOf(cluster, behind, group)).toEqual([]);
      expect(cluster.hosts.get(behind)!.failed).toBeNull();
    }
  });

  it('ends its process if what is staged can not be made durable', () => {
    const { cluster, behind } = lagging(60);
    cluster.fault = (node, { path, kind }) =>
      node === behind && kind === 'sync' && path.includes('transfer-') ? 'io' : null;
    cluster.start(behind);
    cluster.run(200);
    expect(cluster.hosts.get(behind)!.failed).toMatchObject({ code: 'diskFailed' });
  });

  it('starts after a crash between any two calls of the installation, with all that it had', () => {
    const isPart = (kind: string, path: string) =>
      kind === 'rename' || path.includes('snapshot-') || path.includes('.index');
    for (let crashAt = 0; ; crashAt++) {
      const setting = lagging(90);
      const { cluster, behind, group } = setting;
      let calls = -1;
      let installing = false;
      cluster.held = (node, { kind, path }) => {
        if (node !== behind || !path.startsWith(`groups/${group}/`)) return false;
        installing ||= kind === 'rename' && path.includes('transfer-');
        if (!installing || !isPart(kind, path)) return false;
        calls = Math.max(calls, 0);
        return calls >= crashAt || calls++ < 0;
      };
      cluster.start(behind);
      cluster.run(60);
      const held = calls >= crashAt;
      cluster.kill(behind, crashAt % 2 === 0);
      cluster.held = () => false;
      cluster.start(behind);
      expectCaughtUp(setting);
      if (!held) {
        expect(crashAt).toBeGreaterThan(4);
        break;
      }
    }
  }, 60_000);
});
