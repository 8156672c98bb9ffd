import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatNode, type NodeFailure, startNode } from '@vireo/node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { simulateCommand } from './command.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-test-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(directory, { recursive: true, force: true });
});

/** A node whose wall clock answers nonsense: its replica can not stamp the first op of its view, and throws. */
async function provokeDump(): Promise<string> {
  const home = join(directory, 'node-0');
  mkdirSync(home);
  formatNode({
    directory: home,
    cluster: 'c',
    node: 0,
    founders: [{ id: 0, address: '127.0.0.1:1', host: 'h' }],
  });
  const failures: NodeFailure[] = [];
  vi.spyOn(Date, 'now').mockReturnValue(Number.POSITIVE_INFINITY);
  // It may fail before it counts as started, or just after.
  await startNode({
    directory: home,
    listen: '127.0.0.1:0',
    onFailure: (failure) => failures.push(failure),
  }).catch(() => null);
  for (let waits = 0; waits < 200; waits += 1) {
    const file = readdirSync(home).find((name) => name.startsWith('dump-'));
    if (file !== undefined) return join(home, file);
    await sleep(50);
  }
  throw new Error('the node wrote no dump');
}

describe('the dump of a node that failed', () => {
  it('is gone through, call by call, until the same error comes again', { timeout: 120_000 }, async () => {
    const file = await provokeDump();
    const { code, out } = simulateCommand(directory, '--dump', file);
    expect(code).toBe(0);
    expect(out).toContain('RangeError');
    expect(out).toMatch(/^ +\d+ persisted 1$/m);
    expect(out).toMatch(/group 0, node 0 of 0: \d+ calls/);
    expect(out).toContain('THE SAME ERROR CAME AGAIN:');
    expect(out).toContain('state at the end:\n');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);

    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 3_000));
    const damaged = simulateCommand(directory, '--dump', file);
    expect([damaged.code, damaged.errors]).toEqual([2, expect.stringContaining('cut off or is not JSON')]);
  });

  it('that is not there is an error with a reason', () => {
    const missing = simulateCommand(directory, '--dump', 'missing.json');
    expect([missing.code, missing.errors]).toEqual([2, expect.stringContaining('can not be read')]);
  });
});
