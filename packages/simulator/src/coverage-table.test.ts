import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { coverage } from './coverage-table.ts';
import { type Feature, features } from './coverage-table-standing.ts';
import { mutants } from './mutants/index.ts';

const packages = fileURLToPath(new URL('../../', import.meta.url));

function sourcesOf(name: string): string {
  const directory = join(packages, name, 'src');
  return (
    readdirSync(directory, { recursive: true, encoding: 'utf8' })
      // A mutant names what it breaks, and the table what it waits for: neither is the feature.
      .filter((file) => file.endsWith('.ts') && !/\.test\.ts$|coverage-table|mutants/.test(file))
      .map((file) => readFileSync(join(directory, file), 'utf8'))
      .join('\n')
  );
}

describe('coverage table', () => {
  it.each(Object.keys(features) as Feature[])('no row waits for %s once it exists', (feature) => {
    const { package: owner, pattern } = features[feature];
    const waiting = coverage.filter(({ standing }) => standing.state === 'waits' && standing.for === feature);
    const exists = pattern.test(sourcesOf(owner));
    expect(exists ? waiting.map(({ name }) => name) : []).toEqual([]);
  });

  it('has a row for each mutant that exists, which names only checkers that may find it', () => {
    const rows = new Map(
      coverage.flatMap(({ standing }) =>
        standing.state === 'found' || standing.state === 'directed' || standing.state === 'sought'
          ? [[standing.mutant, standing] as const]
          : [],
      ),
    );
    expect([...rows.keys()].sort()).toEqual(mutants.map(({ name }) => name).sort());
    for (const { name, finders } of mutants) {
      const row = rows.get(name);
      for (const checker of row?.state === 'found' ? row.by : []) expect(finders).toContain(checker);
      if (row?.state === 'directed') expect(finders).toContain(row.by);
    }
  });

  const directed = coverage.flatMap(({ standing }) => (standing.state === 'directed' ? [standing] : []));

  it('has at most five mutants that rest on a scenario alone', () => {
    expect(directed.length).toBeLessThanOrEqual(5);
  });

  // Runs what is built, for a mutant is put in while the built modules are loaded.
  it.each(directed)(
    '$mutant is found in the scenario $scenario',
    ({ mutant, scenario, by }) => {
      const file = `test/scenarios/${scenario}.json`;
      const main = 'packages/simulator/dist/main.js';
      const { status, stdout } = spawnSync(
        process.execPath,
        ['scripts/ensure-built.mjs', main, '--scenario', file, '--mutant', mutant],
        { cwd: join(packages, '..'), encoding: 'utf8' },
      );
      expect(stdout).toContain(`checker ${by}`);
      expect(status).toBe(1);
    },
    300_000,
  );

  it('has each row once', () => {
    const names = coverage.map(({ kind, name }) => `${kind} ${name}`);
    expect(new Set(names).size).toBe(names.length);
  });
});
