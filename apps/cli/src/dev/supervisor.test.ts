import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { StartFailure, Supervisor, type SupervisorOptions } from './supervisor.ts';

/** Stands in for a node: as it behaves towards whoever started it. */
const STAND_IN = `
const [mode] = process.argv.slice(2);
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => { if (mode !== 'stubborn') process.exit(0); });
console.log('started', mode);
if (mode === 'broken') { console.error('broken on purpose'); process.exit(3); }
process.send({ type: 'listening' });
`;

let directory: string;
let entry: string;
let talk: string[];
let supervisor: Supervisor | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'vireo-supervisor-'));
  entry = join(directory, 'stand-in.mjs');
  writeFileSync(entry, STAND_IN);
  talk = [];
});
afterEach(async () => {
  supervisor?.kill();
  await supervisor?.finished();
  rmSync(directory, { recursive: true, force: true });
});

function supervise(modes: readonly string[], options: Partial<SupervisorOptions> = {}): Supervisor {
  const nodes = modes.map((mode, id) => ({
    id,
    spec: { entry, args: [mode], log: join(directory, `node-${id}.log`) },
  }));
  supervisor = new Supervisor(
    nodes,
    { restart: true, restartDelayMs: 20, stopGraceMs: 5_000, ...options },
    (text) => void talk.push(text),
  );
  return supervisor;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a set of nodes', () => {
  test('runs as processes of their own, logs to files, and ends when asked', async () => {
    const running = supervise(['polite', 'polite']);
    await running.start();
    const pids = [running.pidOf(0), running.pidOf(1)];
    expect(new Set([...pids, process.pid]).size).toBe(3);
    expect(pids.every(isAlive)).toBe(true);
    await running.stop();
    expect(pids.some(isAlive)).toBe(false);
    expect(readFileSync(join(directory, 'node-1.log'), 'utf8')).toContain('started polite');
    expect(talk).toEqual([]);
  });

  test('gets a killed node back, with another pid', async () => {
    const running = supervise(['polite', 'polite']);
    await running.start();
    const [first, other] = [running.pidOf(0), running.pidOf(1)];
    process.kill(first, 'SIGKILL');
    await vi.waitFor(() => expect(talk.at(-1)).toMatch(/^node 0 runs again, pid \d+$/), { timeout: 5_000 });
    expect(running.pidOf(0)).not.toBe(first);
    expect(isAlive(running.pidOf(0))).toBe(true);
    expect(running.pidOf(1)).toBe(other);
    expect(talk[0]).toBe(`node 0 (pid ${first}) was ended by SIGKILL; it is restarted in 0.02 s`);
  });

  test('does not get it back without restart, and is finished when all have ended', async () => {
    const running = supervise(['polite', 'polite'], { restart: false });
    await running.start();
    process.kill(running.pidOf(0), 'SIGKILL');
    process.kill(running.pidOf(1), 'SIGTERM');
    await running.finished();
    expect([running.pidOf(0), running.pidOf(1)]).toEqual([0, 0]);
    expect(talk).toHaveLength(2);
  });

  test('fails to start when a node ends before it listens, and says which', async () => {
    const running = supervise(['polite', 'broken']);
    const failure = await running.start().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StartFailure);
    expect(failure).toMatchObject({ node: 1, end: { code: 3, signal: null } });
    expect(readFileSync(join(directory, 'node-1.log'), 'utf8')).toContain('broken on purpose');
    await running.stop();
    expect([running.pidOf(0), running.pidOf(1)]).toEqual([0, 0]);
  });

  test('is killed when it does not end in time', async () => {
    const running = supervise(['stubborn'], { stopGraceMs: 200 });
    await running.start();
    const pid = running.pidOf(0);
    await running.stop();
    expect(isAlive(pid)).toBe(false);
    expect(talk).toEqual([`node 0 (pid ${pid}) did not end in time: killed`]);
  });

  test('is not restarted while it is stopped', async () => {
    const running = supervise(['polite'], { restartDelayMs: 60_000 });
    await running.start();
    process.kill(running.pidOf(0), 'SIGKILL');
    await vi.waitFor(() => expect(talk).toHaveLength(1), { timeout: 5_000 });
    await running.stop();
    expect(running.pidOf(0)).toBe(0);
  });
});
