import { setTimeout as sleep } from 'node:timers/promises';
import { verifyHistory } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import { readLogs, startLoad, TestCluster } from '../harness/index.ts';

const TOPIC = 'faults/network';
const PARTITIONS = 3;

describe('the network between nodes, under load', () => {
  it('cut off, one-way, slow, half-closed and reset in turn: nothing acked is lost or doubled', {
    timeout: 240_000,
  }, async () => {
    const cluster = await TestCluster.start({ proxies: true });
    try {
      const { client, history, workload } = await startLoad(cluster, TOPIC, { partitions: PARTITIONS });
      const pairs = [
        [0, 1],
        [0, 2],
        [1, 2],
      ] as const;
      for (const isolated of [0, 1, 2]) {
        const links = pairs
          .filter((pair) => pair.some((id) => id === isolated))
          .map(([a, b]) => cluster.between(a, b));
        // Both ways, then what the lower id sends, then what the higher one sends.
        for (const [forward, backward] of [
          [true, true],
          [true, false],
          [false, true],
        ] as const) {
          for (const link of links) {
            link.forward.drop = forward;
            link.backward.drop = backward;
          }
          await sleep(1_200);
          for (const link of links) link.heal();
          await cluster.ready();
        }
      }
      for (const [a, b] of pairs) {
        const link = cluster.between(a, b);
        link.forward.delayMs = 60;
        await sleep(500);
        link.heal();
        link.halfClose();
        await sleep(300);
        link.reset();
        await sleep(300);
      }
      await cluster.ready();
      await cluster.caughtUp();
      const before = workload.acked;
      await sleep(500);
      expect(workload.acked, 'healed: acks flow again').toBeGreaterThan(before);
      await workload.stop();
      console.log(`9 partitions and 9 other faults: ${workload.acked} records acked`);
      expect(verifyHistory(history, await readLogs(client, TOPIC), true)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
