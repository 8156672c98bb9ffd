import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSchedule, type Schedule, verifyHistory } from '@vireo/simulator';
import { describe, expect, it } from 'vitest';
import { repositoryRoot } from '../architecture/workspaces.ts';
import { readLogs, startLoad, TestCluster } from '../harness/index.ts';
import { beyondProcesses, ProcessPlayer } from '../scenarios/process-player.ts';

const TOPIC = 'faults/scenarios';
const directory = join(repositoryRoot, 'test', 'scenarios');

function scenario(file: string): Schedule {
  const schedule = readSchedule(readFileSync(join(directory, file), 'utf8'));
  if (typeof schedule === 'string') throw new Error(schedule);
  return schedule;
}

/** Those that wait for nothing and do nothing but what can be seen of a process and done to it. */
const playable = readdirSync(directory)
  .sort()
  .filter((file) => beyondProcesses(scenario(file)) === null);

describe('scenarios of the simulator, unchanged, against real processes', () => {
  it('are those whose steps can be seen and done from outside', () => {
    expect(playable).toEqual(
      expect.arrayContaining([
        'deaf-primary-steps-back.json',
        'duelling-primaries.json',
        'power-cut-of-all.json',
      ]),
    );
    expect(beyondProcesses(scenario('promise-is-not-forgotten.json'))).toBe('does holdDisk');
  });

  it.each(playable)(
    '%s: every step comes, nothing acked is lost or doubled',
    { timeout: 180_000 },
    async (file) => {
      const cluster = await TestCluster.start({ proxies: true });
      try {
        const { client, history, workload } = await startLoad(cluster, TOPIC, { partitions: 1, paceMs: 5 });
        const player = new ProcessPlayer(cluster, client, workload);
        await player.play(scenario(file).steps);
        await player.end();
        await cluster.ready();
        await cluster.caughtUp();
        await workload.stop();
        expect(workload.acked).toBeGreaterThan(0);
        expect(verifyHistory(history, await readLogs(client, TOPIC), true)).toEqual([]);
      } finally {
        await cluster.stop();
      }
    },
  );
});
