import { setTimeout as sleep } from 'node:timers/promises';
import { verifyHistory } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import {
  AckWatch,
  differences,
  MODES,
  Readers,
  readLogs,
  startLoad,
  TestCluster,
  viewsOf,
} from '../harness/index.ts';

const PARTITIONS = 6;
/** Twice the longest time after which a backup suspects a silent primary (650 ms). */
const STOPPED_MS = 1_300;
/** After waking: long enough for a suspicion that had begun to run out, and for the view change behind it. */
const AWAKE_MS = 1_300;
const ACK_GUARD_MS = 10_000;

describe.each(MODES)('SIGSTOP and SIGCONT under load, mode %s', (durability) => {
  it('a stopped primary is replaced; awake again it serves nothing, suspects nobody, and nothing is lost', {
    timeout: 120_000,
  }, async () => {
    const topic = `faults/stops-${durability}`;
    const watch = new AckWatch(PARTITIONS);
    const cluster = await TestCluster.start();
    try {
      const { client, history, workload } = await startLoad(cluster, topic, {
        partitions: PARTITIONS,
        durability,
        paceMs: 5,
        onAck: (partition, node) => watch.acked(partition, node),
      });
      const readers = new Readers(client, topic, PARTITIONS, cluster.nodes.length, history);
      const ids = cluster.nodes.map(({ id }) => id);
      await watch.everywhere(ACK_GUARD_MS);

      // Each is stopped while it leads something.
      for (const stopped of ids) {
        const others = ids.filter((id) => id !== stopped);
        const led = watch.ledBy(stopped);
        expect(led, 'what it leads').not.toEqual([]);
        const start = await viewsOf(client, ids);
        cluster.signal(stopped, 'SIGSTOP');
        const gaps = await watch.nextFromOthers(led, stopped, ACK_GUARD_MS);
        console.log(`node ${stopped} stopped: acks again after ${gaps.map((gap) => gap.toFixed(0))} ms`);
        await sleep(STOPPED_MS);
        const replaced = await viewsOf(client, others);
        expect(differences(start, replaced, { ledBy: stopped }), 'only what it led has moved').toEqual([]);

        const ackedBefore = watch.ackedBy(stopped, led);
        cluster.signal(stopped, 'SIGCONT');
        await sleep(AWAKE_MS);
        const awake = await viewsOf(client, ids);
        expect(differences(replaced, awake), `node ${stopped} has woken`).toEqual([]);
        expect(watch.ackedBy(stopped, led) - ackedBefore, 'acks of a primary of the past').toBe(0);
        await cluster.caughtUp();
      }

      // Now one that leads nothing: nobody's view may change at all.
      const backup = ids.find((id) => watch.ledBy(id).length === 0) as number;
      const others = ids.filter((id) => id !== backup);
      const start = await viewsOf(client, ids);
      const acked = workload.acked;
      cluster.signal(backup, 'SIGSTOP');
      await sleep(STOPPED_MS);
      expect(workload.acked, 'two of three go on').toBeGreaterThan(acked);
      expect(differences(start, await viewsOf(client, others), { ledBy: backup })).toEqual([]);
      cluster.signal(backup, 'SIGCONT');
      await sleep(AWAKE_MS);
      expect(differences(start, await viewsOf(client, ids), { ledBy: backup })).toEqual([]);
      await cluster.caughtUp();

      await workload.stop();
      const logs = await readLogs(client, topic);
      await readers.finish(logs);
      expect(verifyHistory(history, logs, true)).toEqual([]);
      expect(workload.acked).toBeGreaterThan(1_000);
    } finally {
      await cluster.stop();
    }
  });

  it('a whole cluster that was asleep goes on in the views it was in', { timeout: 60_000 }, async () => {
    const topic = `faults/asleep-${durability}`;
    const cluster = await TestCluster.start();
    try {
      const { client, history, workload } = await startLoad(cluster, topic, {
        partitions: PARTITIONS,
        durability,
        paceMs: 5,
      });
      const ids = cluster.nodes.map(({ id }) => id);
      await sleep(500);
      const start = await viewsOf(client, ids);
      for (let round = 0; round < 2; round++) {
        for (const id of ids) cluster.signal(id, 'SIGSTOP');
        await sleep(STOPPED_MS);
        for (const id of ids) cluster.signal(id, 'SIGCONT');
        await sleep(AWAKE_MS / 2);
      }
      await sleep(AWAKE_MS);
      expect(differences(start, await viewsOf(client, ids))).toEqual([]);
      const acked = workload.acked;
      await sleep(300);
      expect(workload.acked).toBeGreaterThan(acked);
      await workload.stop();
      expect(verifyHistory(history, await readLogs(client, topic), true)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
