import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  collect,
  freePorts,
  isAlive,
  killStarted,
  type ProcessText,
  runCommand,
  start,
} from './testing/processes.ts';
import type { ClusterView } from './view/cluster-view.ts';

/** The first command may have to build. */
const START_MS = 120_000;
const STEP_MS = 60_000;

let scratch: string;
let servers: string;
let dev: ChildProcess;
let devText: ProcessText;
let pids: readonly number[];

const vireo = (...args: string[]) => runCommand([...args, '--server', servers]);

async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const { code, out, err } = await vireo(...args, '--json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return JSON.parse(out) as T;
}

const described = async () =>
  (await json<ClusterView>('cluster', 'describe')).groups.find(({ name }) => name === 'shop/fast/0');

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'vireo-e2e-'));
  const port = await freePorts();
  dev = start(['dev', '--json', '--data', join(scratch, 'data'), '--nodes', '3', '--port', String(port)]);
  devText = collect(dev);
  await vi.waitFor(() => expect(devText.out.includes('\n') || dev.exitCode !== null).toBe(true), {
    timeout: START_MS,
    interval: 50,
  });
  expect({ exitCode: dev.exitCode, err: devText.err }).toEqual({ exitCode: null, err: '' });
  const { nodes } = JSON.parse(devText.out) as { nodes: { pid: number; address: string }[] };
  servers = nodes.map(({ address }) => address).join(',');
  pids = nodes.map(({ pid }) => pid);
  await json('stream', 'create', 'shop');
}, START_MS);

afterAll(async () => {
  killStarted();
  await vi.waitFor(() => expect(pids?.some(isAlive) ?? false).toBe(false), { timeout: STEP_MS });
  rmSync(scratch, { recursive: true, force: true });
}, STEP_MS);

test('a topic is made with durability memory; where that promises little, it is said', {
  timeout: STEP_MS,
}, async () => {
  const made = await json('topic', 'create', 'shop/fast', '--durability', 'memory');
  expect(made).toMatchObject({ topic: 'shop/fast', durability: 'memory', replication: 3, created: true });
  const { code, out, err } = await vireo(
    'topic',
    'create',
    'shop/frail',
    '--durability',
    'memory',
    '--replication',
    '1',
  );
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^topic shop\/frail created/) });
  expect(err).toMatch(/^warning: durability memory with 1 replica promises little: .*\n$/);
});

test('a topic is altered from memory to disk and back, and its partitions are waited for', {
  timeout: STEP_MS,
}, async () => {
  for (const durability of ['disk', 'memory']) {
    expect(await json('topic', 'alter', 'shop/fast', '--durability', durability)).toMatchObject({
      topic: 'shop/fast',
      durability,
    });
    expect(await json('topic', 'describe', 'shop/fast')).toMatchObject({
      durability,
      groups: [{ mode: durability, lossEpoch: 0 }],
    });
  }
  expect((await vireo('topic', 'describe', 'shop/fast')).out).toMatch(/ MODE\n.* memory\n$/);
  const missing = await vireo('topic', 'alter', 'shop/none', '--durability', 'disk');
  expect([missing.code, missing.err]).toEqual([1, expect.stringMatching(/^error unknownTopic/)]);
});

test('a group of which all nodes were killed waits, says what to do, and goes on when it is ordered to', {
  timeout: 2 * STEP_MS,
}, async () => {
  const group = (await described())!.group;
  const needless = await vireo('cluster', 'cold-start', '--group', String(group), '--yes');
  expect(needless.err).toMatch(/^error notNeeded/);
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await vi.waitFor(() => expect(devText.err.match(/runs again, pid/g)?.length).toBe(3), { timeout: STEP_MS });
  pids = [...devText.err.matchAll(/runs again, pid (\d+)/g)].map(([, pid]) => Number(pid));
  await vi.waitFor(
    async () => expect(await described()).toMatchObject({ waits: 'coldStart', primary: null }),
    {
      timeout: STEP_MS,
      interval: 200,
    },
  );
  expect((await vireo('cluster', 'describe')).out).toContain(`vireo cluster cold-start --group ${group}`);
  const ordered = await json('cluster', 'cold-start', '--group', String(group), '--yes');
  expect(ordered).toMatchObject({ group, name: 'shop/fast/0', lossEpoch: 1, primary: expect.any(Number) });
  expect(ordered.ordered).toHaveLength(3);
  expect(await described()).toMatchObject({ waits: null, lossEpoch: 1, mode: 'memory' });
});
