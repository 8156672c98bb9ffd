import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { collect, freePorts, killStarted, runCommand, start } from './testing/processes.ts';

/** The first command may have to build. */
const STEP_MS = 120_000;

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'vireo-node-'));
});
afterAll(() => {
  killStarted();
  rmSync(scratch, { recursive: true, force: true });
});

test('a node is formatted by hand, runs in the foreground, and stops when asked', {
  timeout: STEP_MS,
}, async () => {
  const directory = join(scratch, 'by-hand');
  const address = `127.0.0.1:${await freePorts()}`;
  const format = [
    'node',
    'format',
    '--data',
    directory,
    '--node',
    '0',
    '--cluster',
    'c',
    '--founders',
    `0=${address}`,
  ];
  expect(JSON.parse((await runCommand([...format, '--json'])).out)).toEqual({
    directory,
    node: 0,
    cluster: 'c',
    founders: [{ id: 0, address }],
  });
  const again = await runCommand(format);
  expect(again).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/^error directoryNotEmpty: /) });

  const server = start(['server', '--data', directory]);
  const text = collect(server);
  const exit = once(server, 'exit');
  await vi.waitFor(() => expect(text.out).toContain('"event":"server.listening"'), { timeout: STEP_MS });
  const created = ['stream', 'create', 's', '--json', '--server', address];
  expect(JSON.parse((await runCommand(created)).out)).toMatchObject({ stream: 's', created: true });
  server.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
  expect(text.out).toContain('"event":"server.stopped"');
  const refused = await runCommand(['server', '--data', join(scratch, 'nowhere')]);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('directoryMissing') });
});
