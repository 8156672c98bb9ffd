import { setTimeout as sleep } from 'node:timers/promises';
import { verifyHistory } from '@vireo/simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readLogs, startLoad, TestCluster } from '../harness/index.ts';

const PARTITIONS = 2;
const topic = 'faults/memory';

describe('a topic in mode memory on three real nodes, under load', () => {
  let cluster: TestCluster;
  let load: Awaited<ReturnType<typeof startLoad>>;
  beforeAll(async () => {
    cluster = await TestCluster.start();
    load = await startLoad(cluster, topic, { partitions: PARTITIONS, durability: 'memory' });
  }, 60_000);
  afterAll(async () => {
    // Producers of a cluster that is gone would try for ever.
    await load.workload.stop();
    await cluster.stop();
  });

  /** Partitions whose replica on the node had to recover, and those that have, since its log had so many events. */
  const recoveries = (node: number, from: number) => {
    const events = cluster.events(node).slice(from);
    const groups = (name: string) => events.filter(({ event }) => event === name).map(({ group }) => group);
    return { began: groups('group.recovering'), ended: groups('group.recovered') };
  };

  it('a node that is stopped gracefully remembers what it acknowledged', { timeout: 60_000 }, async () => {
    await sleep(500);
    const from = cluster.events(1).length;
    expect(await cluster.terminate(1)).toBe(0);
    await cluster.restart(1);
    await cluster.caughtUp();
    expect(recoveries(1, from)).toEqual({ began: [], ended: [] });
    expect(cluster.events(1).filter(({ event }) => event === 'group.unsealed')).toEqual([]);
  });

  it('a killed one does not, and takes part again when a primary has told it the log', {
    timeout: 60_000,
  }, async () => {
    await sleep(500);
    const from = cluster.events(2).length;
    await cluster.kill(2);
    await sleep(300);
    await cluster.restart(2);
    await cluster.caughtUp();
    const { began, ended } = recoveries(2, from);
    expect(began).toHaveLength(PARTITIONS);
    expect(ended.sort()).toEqual(began.sort());
  });

  it('and everything that was acknowledged can be read', { timeout: 60_000 }, async () => {
    const { client, history, workload } = load;
    await workload.stop();
    expect(workload.acked).toBeGreaterThan(500);
    expect(verifyHistory(history, await readLogs(client, topic), true)).toEqual([]);
  });

  it('also from disk alone, when all are stopped gracefully', { timeout: 60_000 }, async () => {
    const { client, history } = load;
    const from = cluster.nodes.map(({ id }) => cluster.events(id).length);
    expect(await Promise.all(cluster.nodes.map(({ id }) => cluster.terminate(id)))).toEqual([0, 0, 0]);
    await Promise.all(cluster.nodes.map(({ id }) => cluster.restart(id)));
    await cluster.ready();
    await cluster.caughtUp();
    expect(verifyHistory(history, await readLogs(client, topic), true)).toEqual([]);
    for (const { id } of cluster.nodes) expect(recoveries(id, from[id] ?? 0).began).toEqual([]);
  });

  it('goes on after a power cut of all when it is ordered to, and says how much was lost', {
    timeout: 60_000,
  }, async () => {
    const { client } = load;
    await Promise.all(cluster.nodes.map(({ id }) => cluster.kill(id)));
    await Promise.all(cluster.nodes.map(({ id }) => cluster.restart(id)));
    await sleep(1_000);
    const { topic: described } = await client.admin.lookupTopic(topic);
    const groups = described.groups.map(({ group }) => group);
    await expect(cluster.ready(2_000)).rejects.toThrow(/no primary/);
    for (const { id } of cluster.nodes) {
      for (const group of groups) await client.admin.coldStart(id, group);
    }
    await cluster.ready();
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { lossEpoch, mode } = await client.admin.partitionInfo(topic, partition);
      expect({ lossEpoch, mode }).toEqual({ lossEpoch: 1, mode: 'memory' });
    }
  });
});
