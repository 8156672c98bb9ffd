import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { connect } from '@vireo/client';
import { formatNode, startNode } from '@vireo/node';
import { verifyHistory } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../harness/free-ports.ts';
import { readLogs, startLoad, TestCluster } from '../harness/index.ts';
import { loseUnsynced } from './recording-disk.ts';
import { WithholdingDisk } from './withholding-disk.ts';

const TOPIC = 'faults/durability';

describe('what an ack proves about the disk', () => {
  it('a node whose disk withholds sync completions acks nothing', { timeout: 60_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'vireo-withhold-'));
    const address = `127.0.0.1:${await freePorts(1, 10)}`;
    formatNode({ directory, cluster: 'alone', node: 0, founders: [{ id: 0, address, host: 'a' }] });
    let disk: WithholdingDisk | null = null;
    const node = await startNode({
      directory,
      disk: (files) => {
        disk = new WithholdingDisk(files);
        return disk;
      },
    });
    const client = await connect([address]);
    try {
      await client.admin.createStream('faults');
      await client.admin.createTopic(TOPIC, { partitions: 1, replication: 1 });
      const producer = client.producer(TOPIC);
      await producer.send({ value: 'before' });
      const withholding = disk as unknown as WithholdingDisk;
      withholding.withhold();
      let acked = false;
      const sending = producer.send({ value: 'withheld' }).then((ack) => {
        acked = true;
        return ack;
      });
      await sleep(1_000);
      expect(withholding.withheld).toBeGreaterThan(0);
      expect(acked).toBe(false);
      const end = await client.admin.partitionInfo(TOPIC, 0);
      expect(end.end).toBe(1);
      withholding.release();
      expect((await sending).offset).toBe(1);
    } finally {
      await client.close({ drain: false });
      await node.stop();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('three nodes that lose every write not covered by a sync keep all that was acked', {
    timeout: 180_000,
  }, async () => {
    const entry = fileURLToPath(new URL('../../dist/faults/recording-node.js', import.meta.url));
    const cluster = await TestCluster.start({
      entry,
      nodeFlags: (node) => ['--record', `${node.directory}.record`],
    });
    try {
      const { client, history, workload } = await startLoad(cluster, TOPIC, { partitions: 3 });
      let lost = 0;
      let torn = 0;
      for (let round = 0; round < 4; round++) {
        await sleep(700 + Math.random() * 300);
        await Promise.all(cluster.nodes.map(({ id }) => cluster.kill(id)));
        for (const node of cluster.nodes) {
          const random = () => randomBytes(4).readUInt32LE() / 2 ** 32;
          const loss = loseUnsynced(node.directory, `${node.directory}.record`, random);
          lost += loss.writes;
          if (loss.tornAt !== null) torn++;
        }
        await Promise.all(cluster.nodes.map(({ id }) => cluster.restart(id)));
        await cluster.ready();
      }
      await sleep(300);
      await workload.stop();
      console.log(
        `4 power cuts: ${lost} unsynced writes lost, ${torn} torn, ${workload.acked} records acked`,
      );
      expect(lost).toBeGreaterThan(0);
      expect(workload.acked).toBeGreaterThan(500);
      expect(verifyHistory(history, await readLogs(client, TOPIC), true)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
