import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitsWith } from '@vireo/protocol';
import { type Disk, type DiskCallback, DiskError } from '@vireo/storage';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatNode } from './format.ts';
import { LOCK_FILE } from './lock.ts';
import { NODE_FILE } from './node-file.ts';
import type { NodeFailure, RunningNode, StartNodeOptions } from './running-node.ts';
import { NodeStartError } from './start-errors.ts';
import { startNode } from './start-node.ts';

let parent: string;
let directory: string;
const running: RunningNode[] = [];
const small = limitsWith({
  batchBytesMax: 1 << 18,
  journalFiles: 3,
  journalFileBytes: 1 << 20,
  segmentBytes: 1 << 20,
});
if (!small.ok) throw new Error(small.error.message);
const limits = small.value;

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'vireo-node-'));
  directory = join(parent, 'node-0');
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((node) => node.stop()));
  rmSync(parent, { recursive: true });
});

function format(address = '127.0.0.1:0'): void {
  formatNode({ directory, cluster: 'c', node: 0, founders: [{ id: 0, address, host: 'here' }] });
}

async function start(options: Partial<StartNodeOptions> = {}) {
  const events: { name: string; fields: Record<string, unknown> }[] = [];
  const failures: NodeFailure[] = [];
  const node = await startNode({
    directory,
    limits,
    log: { event: (_level, name, fields) => events.push({ name, fields }) },
    onFailure: (failure) => failures.push(failure),
    ...options,
  });
  running.push(node);
  return { node, events, failures };
}

/** A disk that does what `files` does, but for the methods given. */
function wrapped(files: Disk, replaced: Partial<Disk>): Disk {
  return new Proxy(files, {
    get: (target, name) => {
      const own = Reflect.get(replaced, name) as unknown;
      if (own !== undefined) return own;
      const method = Reflect.get(target, name) as unknown;
      return typeof method === 'function' ? method.bind(target) : method;
    },
  });
}

/** What keeps the node from starting; afterwards nobody holds the directory. */
async function refusal(options: Partial<StartNodeOptions> = {}): Promise<NodeStartError> {
  const error: unknown = await start(options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(NodeStartError);
  if (existsSync(directory)) expect(readdirSync(directory)).not.toContain(LOCK_FILE);
  return error as NodeStartError;
}

async function freePort(): Promise<{ port: number; free: () => Promise<unknown> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return { port, free: () => new Promise((resolve) => server.close(resolve)) };
}

describe('a node in this process', () => {
  test('founds its cluster of one, becomes ready, stops cleanly, and finds its state again', async () => {
    format();
    const first = await start();
    expect(first.node).toMatchObject({ node: 0, cluster: 'c' });
    expect(first.node.listening).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    expect(first.node.address).toBe(first.node.listening);
    await expect.poll(() => first.node.notReady()).toBeNull();
    await expect.poll(() => first.node.stats().broker.counters.groupsLeading).toBe(1);
    expect(first.node.stats().process.durableMs.count).toBeGreaterThan(0);
    expect(await first.node.stop()).toBe(true);
    expect(first.events.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'node.recovered',
        'node.started',
        'founding.completed',
        'primary.elected',
        'node.stopped',
      ]),
    );
    expect(first.events.every(({ fields }) => fields.node === 0)).toBe(true);
    expect(readdirSync(directory)).toEqual(expect.arrayContaining(['groups', 'journal', NODE_FILE]));
    expect(existsSync(join(directory, LOCK_FILE))).toBe(false);

    const second = await start();
    expect(second.node.recovery).toMatchObject({ groups: 1, startCounter: 2 });
    await expect.poll(() => second.node.stats().broker.counters.groupsLeading).toBe(1);
    expect(second.events.map(({ name }) => name)).not.toContain('founding.completed');
  });

  test('stop may be asked for twice, and answers nobody afterwards', async () => {
    format();
    const { node } = await start();
    const [host = '', port] = node.listening.split(':');
    expect(await Promise.all([node.stop(), node.stop()])).toEqual([true, true]);
    expect(node.notReady()).not.toBeNull();
    const refused = await new Promise((resolve) => {
      connect(Number(port), host).on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    });
    expect(refused).toBe('ECONNREFUSED');
  });

  test('the disk that stands in between sees every write of the node', async () => {
    format();
    const paths = new Set<string>();
    const { node } = await start({
      disk: (files) =>
        wrapped(files, {
          write: (path, position, buffers, durable, done) => {
            paths.add(path);
            files.write(path, position, buffers, durable, done);
          },
        }),
    });
    await expect.poll(() => node.stats().broker.counters.groupsLeading).toBe(1);
    await node.stop();
    const written = [...paths].filter((path) => !path.endsWith('.new'));
    expect(written).toEqual(
      expect.arrayContaining(['journal/00000001.journal', expect.stringMatching(/^groups\/0\/.*segment$/)]),
    );
  });

  test('without completions of durable writes nobody becomes primary', async () => {
    format();
    let founded = false;
    const withheld: DiskCallback[] = [];
    const { node, events } = await start({
      disk: (files) =>
        wrapped(files, {
          write: (path, position, buffers, durable, done) => {
            if (founded && durable && path.startsWith('journal/')) withheld.push(done);
            else files.write(path, position, buffers, durable, done);
            founded ||= path.startsWith('journal/');
          },
        }),
    });
    await expect.poll(() => withheld.length).toBeGreaterThan(0);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(node.stats().broker.counters.groupsLeading).toBe(0);
    expect(events.map(({ name }) => name)).not.toContain('primary.elected');
    // What waits for the disk is not waited for without end.
    expect(await node.stop(300)).toBe(false);
  });
});

describe('a node that fails', () => {
  test('by its disk while it runs: says so, frees its directory, and the next start finds everything', async () => {
    format();
    let broken = false;
    const { node, failures } = await start({
      disk: (files) =>
        wrapped(files, {
          write: (path, position, buffers, durable, done) => {
            if (broken && durable) setImmediate(done, new DiskError('io', path, 'injected'));
            else files.write(path, position, buffers, durable, done);
          },
        }),
    });
    await expect.poll(() => node.stats().broker.counters.groupsLeading).toBe(1);
    broken = true;
    // A stop writes a checkpoint into the journal.
    const stopped = node.stop(5_000);
    await expect.poll(() => failures.length).toBe(1);
    expect(failures[0]).toMatchObject({ code: 'diskFailed', exitCode: 1, dumpFile: null });
    expect(await stopped).toBe(false);
    expect(existsSync(join(directory, LOCK_FILE))).toBe(false);
    const again = await start();
    expect(again.node.recovery.groups).toBe(1);
  });

  test('by its disk at the start: was never started', async () => {
    format();
    const failing: StartNodeOptions['disk'] = (files) =>
      wrapped(files, {
        create: (path, _size, done) => setImmediate(done, new DiskError('noSpace', path, 'injected')),
      });
    await expect(start({ disk: failing })).rejects.toMatchObject({
      name: 'NodeStartError',
      code: 'diskFailed',
    });
    expect(readdirSync(directory)).toEqual([NODE_FILE]);
    await start();
  });

  test('by an error in its own code: leaves a dump with the last events and asks for exit code 70', async () => {
    format();
    let broken = false;
    const { node, failures, events } = await start({
      disk: (files) =>
        wrapped(files, {
          write: (path, position, buffers, durable, done) => {
            if (broken) throw new Error('a broken promise');
            files.write(path, position, buffers, durable, done);
          },
        }),
    });
    await expect.poll(() => node.stats().broker.counters.groupsLeading).toBe(1);
    broken = true;
    const stopped = node.stop(5_000);
    await expect.poll(() => failures.length).toBe(1);
    expect(await stopped).toBe(false);
    expect(failures[0]).toMatchObject({ code: 'assertionFailed', exitCode: 70 });
    expect(events.at(-1)).toMatchObject({ name: 'node.failed', fields: { code: 'assertionFailed' } });
    const dump = JSON.parse(readFileSync(failures[0]?.dumpFile ?? '', 'utf8')) as Record<string, unknown>;
    expect(dump).toMatchObject({
      format: 2,
      node: 0,
      recording: null,
      error: { message: 'a broken promise' },
    });
    expect(dump.events).toEqual(expect.arrayContaining([expect.objectContaining({ name: 'tick' })]));
    expect(dump.stats).toContain('groupsLeading');
  });
});

describe('a node that does not start leaves nothing open and nothing changed', () => {
  test('missing, empty', async () => {
    expect(await refusal()).toMatchObject({ code: 'directoryMissing' });
    mkdirSync(directory);
    expect(await refusal()).toMatchObject({ code: 'notFormatted' });
    expect(readdirSync(directory)).toEqual([]);
  });

  test('open already', async () => {
    format();
    const { node } = await start();
    await expect(start()).rejects.toMatchObject({
      code: 'directoryInUse',
      message: expect.stringContaining(String(process.pid)),
    });
    await node.stop();
  });

  test('a port in use, and the same directory once it is free', async () => {
    const { port, free } = await freePort();
    format(`127.0.0.1:${port}`);
    expect(await refusal()).toMatchObject({ code: 'addressInUse' });
    expect(readdirSync(directory)).toEqual([NODE_FILE]);
    await free();
    const { node } = await start();
    expect(node.listening).toBe(`127.0.0.1:${port}`);
  });

  test('reachable by others without a secret; with one it starts', async () => {
    format();
    expect(await refusal({ listen: '0.0.0.0:0' })).toMatchObject({
      code: 'secretRequired',
      message: expect.stringContaining('secretFile'),
    });
    const { node } = await start({ listen: '0.0.0.0:0', secret: 's' });
    expect(node.listening).toMatch(/^0\.0\.0\.0:/);
    expect(node.address).toMatch(/^127\.0\.0\.1:/);
  });

  test('told an address that is none, or to dial a node that is none', async () => {
    format();
    expect(await refusal({ listen: 'here' })).toMatchObject({ code: 'invalidConfig' });
    expect(await refusal({ advertise: '0.0.0.0:7400' })).toMatchObject({ code: 'invalidConfig' });
    expect(await refusal({ dialAddresses: { 4: '127.0.0.1:1' } })).toMatchObject({
      code: 'invalidConfig',
    });
  });

  test('with the data of another cluster behind its node.json', async () => {
    format();
    const first = await start();
    await expect.poll(() => first.node.stats().broker.counters.groupsLeading).toBe(1);
    await first.node.stop();
    const path = join(directory, NODE_FILE);
    const file = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...file, incarnation: '0'.repeat(32) }));
    expect(await refusal()).toMatchObject({ name: 'NodeStartError', code: 'wrongNode' });
    writeFileSync(path, JSON.stringify(file));
    await start();
  });

  test('with a state.json that does not read', async () => {
    format();
    await (await start()).node.stop();
    writeFileSync(join(directory, 'state.json'), 'nonsense');
    expect(await refusal()).toMatchObject({ code: 'corruptState' });
  });
});
