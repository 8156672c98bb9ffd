import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatNode } from '@vireo/node';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

// The process as it is started by others: signals, channel, exit codes, last words.

const root = fileURLToPath(new URL('../../..', import.meta.url));
const entry = fileURLToPath(new URL('../bin/vireo-server.cjs', import.meta.url));

interface Listening {
  readonly type: string;
  readonly pid: number;
  readonly port: number;
  readonly healthPort: number;
}

let parent: string;
let directory: string;
const children: ChildProcess[] = [];

beforeAll(() => {
  // Builds what the server needs; running its index does nothing.
  const built = [join(root, 'scripts', 'ensure-built.mjs'), 'apps/server/dist/index.js'];
  execFileSync(process.execPath, built, { stdio: 'inherit' });
}, 180_000);

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'vireo-server-'));
  directory = join(parent, 'node-0');
});

afterEach(async () => {
  await Promise.all(
    children.splice(0).map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }),
  );
  rmSync(parent, { recursive: true });
});

/** A directory of a cluster of one node, on a port that the system chooses. */
function format(): void {
  const founders = [{ id: 0, address: '127.0.0.1:0', host: 'here' }];
  formatNode({ directory, cluster: 'c', node: 0, founders });
}

function start(args: string[], environment: Record<string, string> = {}) {
  const child = spawn(process.execPath, [entry, ...args], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, ...environment },
  });
  children.push(child);
  const said = { out: '', error: '' };
  child.stdout?.on('data', (text: Buffer) => {
    said.out += text.toString();
  });
  child.stderr?.on('data', (text: Buffer) => {
    said.error += text.toString();
  });
  // Not 'close': it does not come after `disconnect`.
  const closed = [child.stdout, child.stderr].map((stream) => stream !== null && once(stream, 'close'));
  const ended = once(child, 'exit').then(async ([code]) => {
    await Promise.all(closed);
    return code as number | null;
  });
  const listening = Promise.race([
    once(child, 'message').then(([message]) => message as Listening),
    ended.then((code): never => {
      throw new Error(`ended with ${code}: ${said.error}${said.out}`);
    }),
  ]);
  listening.catch(() => {});
  return { child, said, ended, listening };
}

const small = [
  '--health-port',
  '0',
  '--limits-journal-files',
  '3',
  '--limits-journal-file-bytes',
  '1048576',
  '--limits-batch-bytes-max',
  '262144',
];
const startNode = (...more: string[]) => start(['--data', directory, ...small, ...more]);

async function get(port: number, path: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`);
  return { status: answer.status, text: await answer.text() };
}

describe('a node that runs', () => {
  test('tells where it listens, becomes ready, shows its metrics, ends in order at SIGTERM, and starts again', async () => {
    format();
    for (let round = 0; round < 2; round++) {
      const { child, said, ended, listening } = startNode();
      const { type, pid, port, healthPort } = await listening;
      expect([type, pid]).toEqual(['listening', child.pid]);
      expect(port).toBeGreaterThan(0);
      expect(await get(healthPort, '/livez')).toEqual({ status: 200, text: 'live\n' });
      await expect
        .poll(async () => (await get(healthPort, '/readyz')).text, { timeout: 5_000 })
        .toBe('ready\n');
      const metrics = await get(healthPort, '/metrics');
      expect(metrics.text).toMatch(/^vireo_build_info\{node="0",cluster="c",version="[^"]+"\} 1$/m);
      expect(metrics.text).toMatch(/^vireo_durable_writes_total [1-9]/m);
      child.kill('SIGTERM');
      expect(await ended).toBe(0);
      const events = said.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { event: string; clean?: boolean; readsMax?: number });
      const names = events.map(({ event }) => event);
      expect(names).toEqual(
        expect.arrayContaining(['server.starting', 'node.recovered', 'node.started', 'server.listening']),
      );
      // The thread pool was sized before anything used it.
      expect(events[0]).toMatchObject({ event: 'server.starting', readsMax: 12 });
      expect(names.slice(-1)).toEqual(['server.stopped']);
      expect(events.at(-1)).toMatchObject({ clean: true });
      expect(said.error).toBe('');
      expect(readdirSync(directory)).not.toContain('lock');
    }
  }, 30_000);

  test('a second signal ends it at once', async () => {
    format();
    const { child, ended, listening } = startNode();
    await listening;
    child.kill('SIGTERM');
    child.kill('SIGINT');
    expect(await ended).toBe(1);
  });

  test('ends when the channel to its parent closes, if it was told to', async () => {
    format();
    const { child, said, ended, listening } = startNode('--exit-with-parent');
    await listening;
    child.disconnect();
    expect(await ended).toBe(0);
    expect(said.out).toContain('the parent process ended');
  });

  test('is killed without a word and starts again: its lock was taken over', async () => {
    format();
    const first = startNode();
    await first.listening;
    first.child.kill('SIGKILL');
    await first.ended;
    expect(readdirSync(directory)).toContain('lock');
    const second = startNode();
    await second.listening;
  });
});

describe('a node that does not start ends with code 2 and one event on stderr', () => {
  async function refusal(args: string[], environment: Record<string, string> = {}) {
    const { said, ended } = start(args, environment);
    expect(await ended).toBe(2);
    expect(said.error.trim().split('\n')).toHaveLength(1);
    const event = JSON.parse(said.error) as { code: string; message: string };
    expect(event).toMatchObject({ level: 'fatal', event: 'server.refused' });
    return event;
  }

  test('an unknown flag', async () => {
    expect(await refusal(['--dta', 'x'])).toMatchObject({
      code: 'invalidConfig',
      message: 'unknown flag --dta, did you mean --data?',
    });
  });

  test('a missing directory', async () => {
    const { code, message } = await refusal(['--data', join(parent, 'none')]);
    expect(code).toBe('directoryMissing');
    expect(message).toContain('vireo node format');
  });

  test('an empty directory: never formatted, or wiped', async () => {
    mkdirSync(directory);
    const { code, message } = await refusal(['--data', directory]);
    expect(code).toBe('notFormatted');
    expect(message).toContain('vireo node format');
    expect(readdirSync(directory)).toEqual([]);
  });

  test('a directory of a newer version', async () => {
    mkdirSync(directory);
    writeFileSync(join(directory, 'node.json'), '{"format":2}');
    expect((await refusal(['--data', directory])).code).toBe('unsupportedFormat');
  });

  test('a port in use', async () => {
    format();
    const other = createServer();
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { code, message } = await refusal(['--data', directory, '--listen', `127.0.0.1:${port}`]);
    expect(code).toBe('addressInUse');
    expect(message).toContain(String(port));
    other.close();
  });

  test('a directory that another process has open: names its pid', async () => {
    format();
    const { child, listening } = startNode();
    await listening;
    const { code, message } = await refusal(['--data', directory, ...small]);
    expect(code).toBe('directoryInUse');
    expect(message).toContain(String(child.pid));
  });

  test('an address beyond loopback without a secret: names the setting', async () => {
    format();
    const { code, message } = await refusal(['--data', directory, '--listen', '0.0.0.0:0']);
    expect(code).toBe('secretRequired');
    expect(message).toContain('--secret-file');
  });
});
