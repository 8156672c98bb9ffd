import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '@vireo/client';
import { verifyHistory } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import { Readers, readLogs, startLoad, TestCluster } from '../harness/index.ts';

const PARTITIONS = 6;
/** The promise is 2 s; a test on a noisy machine guards at five times that. The largest gap is printed. */
const GAP_GUARD_MS = 10_000;

/** Kills each node `rounds` times, in turn, under a load that is read in every way meanwhile. */
async function killInTurn(durability: Durability, rounds: number): Promise<void> {
  const topic = `faults/kills-${durability}`;
  const cluster = await TestCluster.start();
  try {
    const { client, history, workload } = await startLoad(cluster, topic, {
      partitions: PARTITIONS,
      durability,
      paceMs: 2,
    });
    const readers = new Readers(client, topic, PARTITIONS, cluster.nodes.length, history);
    let largest = 0;
    for (let round = 0; round < rounds; round++) {
      for (const { id } of cluster.nodes) {
        await sleep(100 + Math.random() * 400);
        workload.resetGaps();
        await cluster.kill(id);
        await sleep(200 + Math.random() * 300);
        await cluster.restart(id);
        // One failure at a time: the next kill comes when every group has its three replicas again.
        await cluster.caughtUp();
        largest = Math.max(largest, workload.largestGap().ms);
      }
    }
    await workload.stop();
    console.log(
      `${rounds * cluster.nodes.length} kills, ${workload.acked} records acked, largest gap of a partition ${largest.toFixed(0)} ms`,
    );
    const logs = await readLogs(client, topic);
    await readers.finish(logs);
    expect(verifyHistory(history, logs, true)).toEqual([]);
    expect(workload.acked).toBeGreaterThan(1_000);
    expect(largest).toBeLessThan(GAP_GUARD_MS);
  } finally {
    await cluster.stop();
  }
}

describe('SIGKILL of every node in turn, under load on all partitions', () => {
  it(
    '30 kills: no acked record is lost or doubled, no partition stops for long',
    {
      timeout: 300_000,
    },
    () => killInTurn('disk', 10),
  );

  // Each comes back without what was in its memory, and has no vote before the others have given it back.
  it(
    '12 kills in mode memory: what was acked is in the memory of the others',
    {
      timeout: 200_000,
    },
    () => killInTurn('memory', 4),
  );
});

// Mode `memory` promises nothing there: a group all of whose members lost their memory waits for its operator.
describe('SIGKILL of all nodes at once, under load, mode disk', () => {
  const topic = 'faults/all-killed';

  it('a cluster restarted after SIGKILL of all nodes under load has everything acked', {
    timeout: 120_000,
  }, async () => {
    const cluster = await TestCluster.start();
    try {
      const { client, history, workload } = await startLoad(cluster, topic, { partitions: PARTITIONS });
      for (let round = 0; round < 3; round++) {
        await sleep(1_000);
        await Promise.all(cluster.nodes.map(({ id }) => cluster.kill(id)));
        await Promise.all(cluster.nodes.map(({ id }) => cluster.restart(id)));
        await cluster.ready();
      }
      await sleep(500);
      await workload.stop();
      expect(workload.acked).toBeGreaterThan(1_000);
      expect(verifyHistory(history, await readLogs(client, topic), true)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
