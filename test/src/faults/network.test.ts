import { setTimeout as sleep } from 'node:timers/promises';
import { verifyHistory } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import { AckWatch, MODES, Readers, readLogs, startLoad, TestCluster } from '../harness/index.ts';

const PARTITIONS = 3;
/** A partition goes on within the suspicion and a view change; a test on a noisy machine guards at far more. */
const ACK_GUARD_MS = 10_000;

/** What vanishes between the primary and its peers, as seen from the primary. */
const CUTS = [
  { name: 'both ways', sent: true, received: true },
  { name: 'what it sends', sent: true, received: false },
  { name: 'what it receives', sent: false, received: true },
] as const;

describe.each(MODES)('the network between nodes, under load, mode %s', (durability) => {
  it('a primary cut off from its peers, both ways and each way, while clients reach it: the others go on, it acks nothing more', {
    timeout: 120_000,
  }, async () => {
    const topic = `faults/isolated-${durability}`;
    const watch = new AckWatch(PARTITIONS);
    const cluster = await TestCluster.start({ proxies: true });
    try {
      const { client, history, workload } = await startLoad(cluster, topic, {
        partitions: PARTITIONS,
        durability,
        paceMs: 5,
        onAck: (partition, node) => watch.acked(partition, node),
      });
      const readers = new Readers(client, topic, PARTITIONS, cluster.nodes.length, history);
      await watch.everywhere(ACK_GUARD_MS);
      for (const { name, sent, received } of CUTS) {
        const primary = watch.leaderOfMost(cluster.nodes.map(({ id }) => id));
        const led = watch.ledBy(primary);
        expect(led, 'what it leads').not.toEqual([]);
        for (const { id: peer } of cluster.nodes) {
          if (peer === primary) continue;
          const link = cluster.between(primary, peer);
          const dials = primary < peer;
          link.forward.drop = dials ? sent : received;
          link.backward.drop = dials ? received : sent;
        }
        const gaps = await watch.nextFromOthers(led, primary, ACK_GUARD_MS);
        console.log(`cut off ${name}: acks again after ${gaps.map((gap) => gap.toFixed(0))} ms`);
        // What it had from a quorum before the cut it may still say; after that, nothing.
        await sleep(300);
        const acked = watch.ackedBy(primary, led);
        await sleep(1_200);
        expect(watch.ackedBy(primary, led) - acked, `acks of a primary that is cut off: ${name}`).toBe(0);
        for (const { id: peer } of cluster.nodes) if (peer !== primary) cluster.between(primary, peer).heal();
        await cluster.ready();
        await cluster.caughtUp();
      }
      await workload.stop();
      const logs = await readLogs(client, topic);
      await readers.finish(logs);
      expect(verifyHistory(history, logs, true)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });

  it('two nodes that do not reach each other, slow links, half-closed and reset ones: nothing acked is lost or doubled', {
    timeout: 120_000,
  }, async () => {
    const topic = `faults/network-${durability}`;
    const cluster = await TestCluster.start({ proxies: true });
    try {
      const { client, history, workload } = await startLoad(cluster, topic, {
        partitions: PARTITIONS,
        durability,
      });
      const pairs = [
        [0, 1],
        [0, 2],
        [1, 2],
      ] as const;
      for (const [a, b] of pairs) {
        const link = cluster.between(a, b);
        link.partition();
        await sleep(1_200);
        link.heal();
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
      console.log(`12 faults of links: ${workload.acked} records acked`);
      expect(verifyHistory(history, await readLogs(client, topic), true)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
