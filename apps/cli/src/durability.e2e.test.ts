import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  collect,
  type Ended,
  freePorts,
  killStarted,
  type ProcessText,
  runCommand,
  start,
} from './testing/processes.ts';

/** The first command may have to build. */
const START_MS = 120_000;
const STEP_MS = 30_000;

let scratch: string;
let port: number;
let dev: ChildProcess;
let text: ProcessText;

function startDev(): void {
  const where = ['--data', join(scratch, 'data'), '--port', String(port)];
  dev = start(['dev', '--nodes', '1', '--no-restart', '--json', ...where]);
  text = collect(dev);
}

const readyLine = (timeout: number) =>
  vi.waitFor(() => expect(text.out).toContain('\n'), { timeout, interval: 50 });

const vireo = (args: readonly string[]): Promise<Ended> =>
  runCommand([...args, '--server', `127.0.0.1:${port}`]);

/** What a command that has to work says on standard output. */
async function says(...args: readonly string[]): Promise<string> {
  const { code, out, err } = await vireo(args);
  expect(code, err).toBe(0);
  return out;
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'vireo-durability-'));
  port = await freePorts();
  startDev();
  await readyLine(START_MS);
}, START_MS);

afterAll(async () => {
  killStarted();
  rmSync(scratch, { recursive: true, force: true });
});

test('durability memory: what it promises is said where it is chosen, and it is changed while records come', {
  timeout: STEP_MS,
}, async () => {
  await says('stream', 'create', 'shop');
  const created = await vireo(['topic', 'create', 'shop/ticks', '--durability', 'memory']);
  expect(created).toMatchObject({ code: 0, out: expect.stringContaining('durability memory') });
  expect(created.err).toMatch(/^warning: durability memory with 1 replica promises little: /);
  await says('produce', 'shop/ticks', '--count', '10');
  expect(await says('topic', 'describe', 'shop/ticks')).toMatch(/ 10 +memory$/m);

  expect(await says('topic', 'alter', 'shop/ticks', '--durability', 'disk')).toBe(
    'topic shop/ticks has durability disk\n',
  );
  expect(await says('topic', 'describe', 'shop/ticks')).toMatch(/ 10 +disk$/m);
  const back = await vireo(['topic', 'alter', 'shop/ticks', '--durability', 'memory']);
  expect(back).toMatchObject({ code: 0, err: expect.stringMatching(/^warning: /) });
});

test('a group that lost its memory waits, says why and what to do, and goes on when it is ordered to', {
  timeout: 2 * STEP_MS,
}, async () => {
  const group = '1';
  expect(await vireo(['cluster', 'cold-start', '--group', group, '--yes'])).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^error notNeeded: group 1 \(shop\/ticks\/0\) has a primary, node 0/),
  });
  const ended = once(dev, 'exit');
  const { nodes } = JSON.parse(text.out) as { nodes: { pid: number }[] };
  for (const { pid } of nodes) process.kill(pid, 'SIGKILL');
  await ended;
  startDev();
  const reason = 'group 1 (shop/ticks/0) waits: too many replicas lost what they acknowledged: ';
  await vi.waitFor(async () => expect((await vireo(['cluster', 'describe'])).out).toContain(reason), {
    timeout: STEP_MS,
    interval: 200,
  });
  const [, command = ''] = (await says('cluster', 'describe')).split(reason);
  expect(command.trim()).toBe(`vireo cluster cold-start --group ${group}`);

  const unsure = await vireo(['cluster', 'cold-start', '--group', group]);
  expect(unsure).toMatchObject({ code: 1, err: expect.stringContaining('error notConfirmed: ') });
  expect(await says('cluster', 'cold-start', '--group', group, '--yes')).toBe(
    'group 1 (shop/ticks/0) goes on, primary node 0, loss epoch 1\n',
  );
  expect(await says('produce', 'shop/ticks', '--count', '1')).toContain('1 record acknowledged');
  await readyLine(STEP_MS);
});
