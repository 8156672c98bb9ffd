import { createHash } from 'node:crypto';
import type { Checksums } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { type ClusterOptions, mulberry } from './cluster.ts';
import { walk } from './walk.ts';

/** Small random walks of one group over the message and journal codecs; the simulator does it at full size. */

const STEPS = 1500;
/** Milliseconds: a machine with much else to do. */
const TIMEOUT = 60_000;

const checksums: Checksums = {
  crc32: () => 0,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

interface Seen {
  acked: number;
  views: number;
  lossEpochs: number;
  transfers: number;
  /** Modes in which the groups ended. */
  readonly modes: Set<string>;
}

function walks(n: number, seeds: number, beyond: boolean): Seen {
  const seen: Seen = { acked: 0, views: 0, lossEpochs: 0, transfers: 0, modes: new Set() };
  for (let seed = 1; seed <= seeds; seed++) {
    const draw = mulberry(seed * 31 + n);
    const options: ClusterOptions = {
      n,
      mode: draw.below(2) === 0 ? 'memory' : 'disk',
      pipeline: [1, 4, 32][draw.below(3)] as number,
      coldStart: draw.below(2) === 0 ? 'wait' : 'allPresent',
      digestEvery: [7, 1024][draw.below(2)] as number,
      beyond,
    };
    const cluster = walk(options, seed * 1000 + n, STEPS, checksums);
    expect(cluster.ghost.problems, `seed ${seed} ${JSON.stringify(options)}`).toEqual([]);
    const [node] = cluster.alive;
    seen.acked += cluster.acked.size;
    seen.views += node?.replica?.state.view ?? 0;
    seen.lossEpochs += node?.replica?.state.lossEpoch ?? 0;
    for (const { transfers } of cluster.nodes) seen.transfers += transfers;
    if (node?.replica) seen.modes.add(node.replica.state.mode);
  }
  return seen;
}

describe('random walks of one group', () => {
  for (const n of [1, 2, 3, 4, 5, 6]) {
    it(
      `n = ${n}: one chain, nothing acked is lost, everyone converges`,
      () => {
        const { acked, views, lossEpochs, transfers, modes } = walks(n, n < 3 ? 20 : 30, false);
        expect(acked).toBeGreaterThan(100);
        expect(views).toBeGreaterThan(10);
        expect(lossEpochs).toBe(0);
        expect(transfers > 0).toBe(n > 1);
        expect([...modes].sort()).toEqual(['disk', 'memory']);
      },
      TIMEOUT,
    );

    it(
      `n = ${n}: more faults than it bears stop the group, or a raised loss epoch says what may be lost`,
      () => {
        expect(walks(n, 25, true).lossEpochs).toBeGreaterThan(0);
      },
      TIMEOUT,
    );
  }
});
