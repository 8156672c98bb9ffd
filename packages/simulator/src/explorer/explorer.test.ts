import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replaceOnce } from '../mutants/replace.ts';
import { type Bounds, defaultBounds } from './bounds.ts';
import { defects } from './defects.ts';
import { Search } from './search.ts';
import { tellStory } from './story.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

function explore(bounds: Partial<Bounds>) {
  const search = new Search({ ...defaultBounds, ops: 1, views: 2, crashes: 1, ...bounds });
  const outcome = search.run();
  return { outcome, story: tellStory(search, outcome).join('\n') };
}

/** Small bounds, to their end: what a change of the protocol has to pass before anything else. */
describe('exhaustive search', () => {
  it.each<[string, Partial<Bounds>]>([
    ['disk', {}],
    ['disk, slow, two writes under way, two crashes', { writes: 2, crashes: 2, slowDisk: true }],
    ['disk, three views, any two go on without the third', { views: 3, crashes: 0, ops: 0, live: true }],
    ['disk, a backup hears how far the view has got', { news: 1 }],
    ['memory', { mode: 'memory' }],
  ])(
    '%s: complete, no violation',
    (_name, bounds) => {
      const { outcome, story } = explore(bounds);
      expect(story).toBe('');
      expect(outcome.isComplete).toBe(true);
      expect(outcome.reached.ackedOps).toBeGreaterThan(bounds.ops ?? 1);
      expect(outcome.reached.viewsStarted).toBe(bounds.views ?? 2);
      expect(outcome.reached.recoveries > 0).toBe(bounds.mode === 'memory');
    },
    120_000,
  );

  it('comes to the same number of states again', () => {
    const [one, other] = [explore({}), explore({})];
    expect(one.outcome).toEqual(other.outcome);
    expect(one.outcome.states).toBeGreaterThan(1000);
  });
});

describe('defects put back', () => {
  it.each(defects.map((defect) => [defect.name, defect] as const))(
    '%s still fits the source',
    (_name, defect) => {
      for (const { package: owner, module, find, replace } of defect.edits) {
        const source = readFileSync(`${root}packages/${owner}/src/${module}.ts`, 'utf8');
        expect(replaceOnce(source, find, replace, module)).not.toBe(source);
      }
    },
  );

  it.each(defects.map(({ name }) => name))(
    '%s is found',
    (name) => {
      const main = 'packages/simulator/dist/explore.js';
      const { stdout, status } = spawnSync(
        process.execPath,
        ['scripts/ensure-built.mjs', main, '--mutant', name],
        { cwd: root, encoding: 'utf8' },
      );
      expect(stdout).toContain('VIOLATION:');
      expect(status).toBe(1);
    },
    120_000,
  );
});
