import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { replaceOnce } from '../mutants/replace.ts';
import { type Bounds, defaultBounds } from './bounds.ts';
import { defects } from './defects.ts';
import { type Outcome, Search } from './search.ts';
import { column } from './state-store.ts';
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

/** Every state of a node that a search came to, by what a replica goes by: without times, nonces, and what is kept of them. */
function nodesOf({ store, driver }: Search): Set<string> {
  const { table } = driver;
  const ids = new Set<number>();
  for (let index = 0; index < store.count; index++)
    for (const node of [column.node0, column.node1, column.node2]) ids.add(store.get(index, node));
  const texts = [...ids].map((id) => {
    const { node, state, facts } = table.get(id);
    const { status, verdict, commitMin, commitMax, committedChecksum, log, started, noopOp, acked } = state;
    const { staging, promise, formation, pendingStartView } = state;
    const { view, logView, durableView, durableLogView } = facts;
    const waited = pendingStartView === null ? null : { ...pendingStartView, nonce: 0 };
    const known = [view, logView, durableView, durableLogView, started, noopOp, acked, promise];
    const all = [node, status, verdict, commitMin, commitMax, committedChecksum, known, log, staging];
    return JSON.stringify([...all, formation, waited], (name, value: unknown) => {
      if (name === 'bytes') return null;
      return value instanceof Map ? [...value] : value;
    });
  });
  return new Set(texts);
}

describe('reductions', () => {
  it.each<[string, Partial<Bounds>]>([
    ['disk', {}],
    ['memory', { mode: 'memory' }],
    ['memory, a backup hears how far the view has got', { mode: 'memory', news: 1, crashes: 0 }],
  ])(
    '%s: each node comes to the same states as without, in fewer states of the group',
    (_name, bounds) => {
      const [reduced, plain] = [true, false].map((each) => {
        const search = new Search({
          ...defaultBounds,
          ops: 1,
          views: 2,
          crashes: 1,
          ...bounds,
          reduced: each,
        });
        return { search, outcome: search.run() };
      }) as [{ search: Search; outcome: Outcome }, { search: Search; outcome: Outcome }];
      expect(reduced.outcome.isComplete && plain.outcome.isComplete).toBe(true);
      const { ackedOps, viewsStarted } = plain.outcome.reached;
      expect(reduced.outcome.reached).toMatchObject({ ackedOps, viewsStarted });
      expect(reduced.outcome.states).toBeLessThan(plain.outcome.states);
      expect(nodesOf(reduced.search)).toEqual(nodesOf(plain.search));
    },
    120_000,
  );

  it('say which bound ended a search', () => {
    expect(explore({ statesMax: 100 }).outcome).toMatchObject({ isComplete: false, limit: 'states' });
    expect(explore({ secondsMax: 0 }).outcome).toMatchObject({ isComplete: false, limit: 'seconds' });
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
