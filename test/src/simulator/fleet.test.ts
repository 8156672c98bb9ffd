import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { simulateCommand } from './command.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-test-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a fleet', () => {
  it('runs until its time is over and prints totals', { timeout: 120_000 }, () => {
    const fleet = simulateCommand(directory, '--fleet', '--hours', '0.0006', '--profile', 'lite');
    const [, passed, failed] = /fleet after .* (\d+) passed, (\d+) failed/.exec(fleet.out) ?? [];
    expect(Number(passed) + Number(failed)).toBeGreaterThan(0);
    // Seeds are random: that one fails is for the fleet to say, in its exit code and in its file.
    const found = Number(failed) > 0;
    expect(fleet.code).toBe(found ? 1 : 0);
    expect(fleet.out).toMatch(/throughput: \d+ client operations and [\d.]+ simulated s per CPU second/);
    expect(existsSync(join(directory, 'simulator-failures'))).toBe(found);
  });

  it('keeps the seeds that fail, each with its scenario and the command that shows it again', {
    timeout: 240_000,
  }, () => {
    const mutant = ['--mutant', 'e19-primary-resumes'];
    const fleet = simulateCommand(directory, '--fleet', '--hours', '0.001', '--profile', 'lite', ...mutant);
    expect(fleet.code).toBe(1);
    const lines = readFileSync(join(directory, 'simulator-failures', 'fleet.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const { seed, scenario, checker, replay } = JSON.parse(lines[0] ?? '');
    expect(replay).toBe(`npm run simulate -- --seed ${seed} --profile lite ${mutant.join(' ')}`);
    const again = simulateCommand(directory, '--scenario', scenario, ...mutant, '--json');
    expect(JSON.parse(again.out)).toMatchObject({ seed, checker });
  });

  it('wants a time that it can keep', () => {
    for (const hours of ['0', '-1', 'soon', '1000'])
      expect(simulateCommand(directory, '--fleet', '--hours', hours)).toMatchObject({
        code: 2,
        errors: expect.stringContaining('--hours wants'),
      });
  });
});
