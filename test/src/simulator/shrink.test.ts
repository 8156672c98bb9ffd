import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { simulateCommand } from './command.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-test-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A restarted primary that resumes its view: every seed in which one restarts shows it. */
const mutant = 'e19-primary-resumes';

describe('a failing run', () => {
  it('is cut down to a scenario that fails alike with the defect, and passes without it', {
    timeout: 240_000,
  }, () => {
    const run = simulateCommand(directory, '--mutant', mutant, '--seed', '1', '--save', 'found');
    expect(run.code).toBe(1);
    const checker = /seed 1 FAILED at .* checker (.*)/.exec(run.out)?.[1];
    expect(checker).toBe('4 one primary a view');
    expect(run.out).toContain(`replay: npm run simulate -- --seed 1 --mutant ${mutant} --trace   (commit `);
    expect(readdirSync(join(directory, 'found'))).toEqual([`seed-1-${mutant}.json`]);
    const file = join('found', `seed-1-${mutant}.json`);
    expect(run.out).toContain(`scenario: npm run simulate -- --scenario ${file} --mutant ${mutant}`);
    const saved = JSON.parse(readFileSync(join(directory, file), 'utf8'));
    expect(saved).toMatchObject({ seed: 1, found: { checker, seed: 1, mutant } });
    expect(saved.faults.length).toBeGreaterThan(0);
    expect(saved.faults.length).toBeLessThanOrEqual(3);
    expect(saved.settings.produceRequests).toBeLessThan(60);

    const again = simulateCommand(directory, '--scenario', file, '--mutant', mutant, '--json');
    expect(JSON.parse(again.out)).toMatchObject({ seed: 1, checker });
    const sound = simulateCommand(directory, '--scenario', file, '--json');
    expect(JSON.parse(sound.out)).toMatchObject({ seed: 1, checker: null });
    expect(sound.code).toBe(0);
  });

  it('is left as it is when that is asked for', { timeout: 60_000 }, () => {
    const run = simulateCommand(
      directory,
      '--mutant',
      mutant,
      '--seed',
      '1',
      '--save',
      'left',
      '--no-shrink',
    );
    expect(run.code).toBe(1);
    expect(run.out).not.toContain('shrunk');
    expect(readdirSync(directory)).not.toContain('left');
  });
});

describe('a schedule', () => {
  it('that was written runs the same in another process', { timeout: 60_000 }, () => {
    const first = simulateCommand(directory, '--profile', 'lite', '--seed', '5', '--write', 'five.json');
    const hash = /trace hash of seed 5: (\w+)/.exec(first.out)?.[1];
    const second = simulateCommand(directory, '--schedule', 'five.json');
    expect(second.out).toContain(`trace hash ${hash}`);
    expect([first.code, second.code]).toEqual([0, 0]);
  });

  it('that is none, or is not there, is an error with a reason', () => {
    writeFileSync(join(directory, 'bad.json'), '{"format":1,"seed":1,"faults":[{}]}');
    const bad = simulateCommand(directory, '--scenario', 'bad.json');
    expect([bad.code, bad.errors]).toEqual([2, expect.stringContaining('bad.json: schedule.faults[0].type')]);
    const missing = simulateCommand(directory, '--scenario', 'missing.json');
    expect([missing.code, missing.errors]).toEqual([
      2,
      expect.stringContaining('missing.json can not be read'),
    ]);
  });
});
