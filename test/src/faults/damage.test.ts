import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { verifyHistory } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import { MODES, Readers, readLogs, startLoad, TestCluster } from '../harness/index.ts';

const PARTITIONS = 3;
const BLOCK = 4096;

/** Bytes of a young journal that were written: each file is filled with zeros before it is used, and none twice so far. */
function writtenEnd(bytes: Buffer): number {
  for (let at = bytes.length - BLOCK; at >= 0; at -= BLOCK) {
    if (bytes.subarray(at, at + BLOCK).some((byte) => byte !== 0)) return at + BLOCK;
  }
  return 0;
}

/**
 * Turns over the first byte of a block behind which others were written, in the file that holds most: what a disk does
 * that answers reads with something else than was written. Without anything behind it, it would look like a write that
 * was never finished.
 */
function damage(directory: string): void {
  const files = readdirSync(directory).map((name) => {
    const path = join(directory, name);
    const bytes = readFileSync(path);
    return { path, bytes, end: writtenEnd(bytes) };
  });
  const { path, bytes, end } = files.reduce((a, b) => (b.end > a.end ? b : a));
  let at = Math.floor((end * 0.7) / BLOCK) * BLOCK;
  // Zeros at the start of a block are what fills up the one before: nothing is lost with them.
  while (bytes[at] === 0) at -= BLOCK;
  bytes.writeUInt8((bytes[at] as number) ^ 0xff, at);
  writeFileSync(path, bytes);
}

describe.each(MODES)('a damaged journal, under load, mode %s', (durability) => {
  it('each node in turn comes back with a damaged flush, has what it held from the others, and nothing is lost', {
    timeout: 120_000,
  }, async () => {
    const topic = `faults/damage-${durability}`;
    // Large files: the damage is in flushes that a checkpoint has not made superfluous.
    const cluster = await TestCluster.start({ smallJournal: false });
    try {
      const { client, history, workload } = await startLoad(cluster, topic, {
        partitions: PARTITIONS,
        durability,
        paceMs: 5,
      });
      const readers = new Readers(client, topic, PARTITIONS, cluster.nodes.length, history);
      for (const { id, directory } of cluster.nodes) {
        await sleep(700);
        await cluster.kill(id);
        damage(join(directory, 'journal'));
        await cluster.restart(id);
        const recovered = cluster.events(id).filter(({ event }) => event === 'node.recovered');
        expect(recovered.at(-1)).toMatchObject({ journalDamage: 1 });
        await cluster.caughtUp();
      }
      await workload.stop();
      expect(workload.acked).toBeGreaterThan(500);
      const logs = await readLogs(client, topic);
      await readers.finish(logs);
      expect(verifyHistory(history, logs, true)).toEqual([]);
    } finally {
      await cluster.stop();
    }
  });
});
