import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** Runs what is built, for a mutant is put in while the built modules are loaded. */
function simulate(...args: string[]): { status: number | null; lines: string[]; complaint: string } {
  const child = spawnSync(
    process.execPath,
    ['scripts/ensure-built.mjs', 'packages/simulator/dist/main.js', ...args],
    { cwd: root, encoding: 'utf8' },
  );
  return { status: child.status, lines: child.stdout.trim().split('\n'), complaint: child.stderr };
}

describe('simulate --mutants', () => {
  it('says by which checker a mutant was found and in how many seeds', () => {
    const { status, lines } = simulate(
      '--mutants',
      '--quick',
      '--only',
      'early-self-count,ack-of-undurable-view',
    );
    expect(lines).toEqual([
      expect.stringMatching(/^ack-of-undurable-view: found in \d+ seeds by 5 durable view$/),
      expect.stringMatching(/^early-self-count: found in \d+ seeds by 2 acked is kept$/),
      '2 of 2 mutants found, quickly',
    ]);
    expect(status).toBe(0);
  }, 300_000);

  it('finds nothing from a first seed where the code as it is passes', () => {
    const { status, lines } = simulate('--hunt', '1', '--most', '1');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      { first: 1, seeds: 1, checker: null, message: null },
    ]);
    expect(status).toBe(0);
  }, 300_000);

  it('refuses a name that no mutant has', () => {
    const { status, complaint } = simulate('--mutants', '--only', 'none-such');
    expect(complaint).toContain('there is no mutant none-such');
    expect(status).toBe(2);
  }, 300_000);
});
