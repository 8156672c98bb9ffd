import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  collect,
  type Ended,
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
const STEP_MS = 30_000;

interface DevNodes {
  readonly nodes: readonly { readonly id: number; readonly pid: number; readonly address: string }[];
}

let scratch: string;
let data: string;
let port: number;
let dev: ChildProcess;
let devText: ProcessText;
let nodes: DevNodes['nodes'];

async function startDev(...args: string[]): Promise<void> {
  dev = start(['dev', '--json', '--data', data, ...args]);
  devText = collect(dev);
  await vi.waitFor(() => expect(devText.out.includes('\n') || dev.exitCode !== null).toBe(true), {
    timeout: START_MS,
    interval: 50,
  });
  expect({ exitCode: dev.exitCode, err: devText.err }).toEqual({ exitCode: null, err: '' });
  nodes = (JSON.parse(devText.out) as DevNodes).nodes;
}

/** One command against the cluster. */
function vireo(args: readonly string[], input = ''): Promise<Ended> {
  return runCommand([...args, '--server', nodes.map(({ address }) => address).join(',')], input);
}

/** As `vireo`, for a command that must work, with its JSON lines. */
async function vireoJson<T = Record<string, unknown>>(args: readonly string[], input = ''): Promise<T[]> {
  const { code, out, err } = await vireo([...args, '--json'], input);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T);
}

async function failure(
  args: readonly string[],
  input = '',
): Promise<{ code: number | null; error: unknown }> {
  const { code, err } = await vireo([...args, '--json'], input);
  const { error } = JSON.parse(err.trimEnd().split('\n').at(-1)!) as { error: unknown };
  return { code, error };
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'vireo-e2e-'));
  data = join(scratch, 'data');
  port = await freePorts();
  await startDev('--nodes', '3', '--port', String(port));
}, START_MS);

afterAll(async () => {
  killStarted();
  await vi.waitFor(() => expect(nodes?.some(({ pid }) => isAlive(pid)) ?? false).toBe(false), {
    timeout: STEP_MS,
  });
  rmSync(scratch, { recursive: true, force: true });
}, STEP_MS);

describe('a cluster of three processes, through the command line', { timeout: STEP_MS }, () => {
  test('dev prints one line when every group has a primary, and nothing else', () => {
    expect(devText.out).toBe(`${JSON.stringify({ nodes })}\n`);
    expect(nodes.map(({ id, address }) => ({ id, address }))).toEqual(
      [0, 1, 2].map((id) => ({ id, address: `127.0.0.1:${port + 10 * id}` })),
    );
    expect(nodes.every(({ pid }) => isAlive(pid))).toBe(true);
    expect(new Set([...nodes.map(({ pid }) => pid), dev.pid]).size).toBe(4);
    expect(readdirSync(join(data, 'node-1'))).toEqual(expect.arrayContaining(['node.json', 'journal']));
    expect(existsSync(join(data, 'node-1.log'))).toBe(true);
  });

  test('a topic needs its stream; the error says how to make it', async () => {
    const { code, err } = await vireo(['topic', 'create', 'shop/orders']);
    expect(code).toBe(1);
    expect(err).toMatch(/^error unknownStream: .*\nhint: make it with: vireo stream create shop\n$/);
  });

  test('streams and topics are created, listed and described', async () => {
    const [stream] = await vireoJson(['stream', 'create', 'shop']);
    expect(stream).toMatchObject({ stream: 'shop', created: true });
    expect(await failure(['stream', 'create', 'shop'])).toMatchObject({
      code: 1,
      error: { code: 'alreadyExists' },
    });
    expect(await vireoJson(['stream', 'create', 'shop', '--if-not-exists'])).toEqual([
      { stream: 'shop', id: stream?.id, created: false },
    ]);
    const topic = { topic: 'shop/orders', partitions: 3, replication: 3, durability: 'disk' };
    expect(await vireoJson(['topic', 'create', 'shop/orders', '--partitions', '3'])).toMatchObject([
      { ...topic, created: true },
    ]);
    expect(await vireoJson(['stream', 'ls'])).toMatchObject([{ streams: [{ name: 'shop', topics: 1 }] }]);
    expect(await vireoJson(['stream', 'describe', 'shop'])).toMatchObject([
      { stream: 'shop', topics: [topic] },
    ]);
    expect(await vireoJson(['topic', 'ls', 'shop'])).toMatchObject([{ topics: [topic] }]);
    const [described] = await vireoJson<{ groups: unknown[] }>(['topic', 'describe', 'shop/orders']);
    expect(described).toMatchObject({
      ...topic,
      groups: [{ partition: 0, start: 0, end: 0, view: expect.any(Number) }, {}, {}],
    });
    const table = await vireo(['topic', 'ls']);
    expect(table.out).toMatch(/^TOPIC .*\nshop\/orders .* disk\n$/);
  });

  test('what cannot be had is refused with a code', async () => {
    const create = (...args: string[]) => failure(['topic', 'create', ...args]);
    expect(await create('shop/many', '--replication', '4')).toMatchObject({
      error: { code: 'tooManyReplicas' },
    });
    expect(await create(`shop/${'x'.repeat(256)}`)).toMatchObject({ error: { code: 'invalidName' } });
    expect(await failure(['produce', 'shop/none'], 'a\n')).toMatchObject({ error: { code: 'unknownTopic' } });
    expect(await failure(['consume', 'shop/none'])).toMatchObject({ error: { code: 'unknownTopic' } });
    expect(await failure(['consume', 'shop/orders', '--partition', '9'])).toMatchObject({
      error: { code: 'unknownPartition' },
    });
  });

  test('NDJSON is produced by key, and consumed as it was, in order per key', async () => {
    const sent = Array.from({ length: 300 }, (_, n) => ({ country: ['DE', 'NO', 'PT'][n % 3], n }));
    const input = sent.map((each) => JSON.stringify(each)).join('\n');
    expect(await vireoJson(['produce', 'shop/orders', '--key-field', 'country'], input)).toMatchObject([
      { records: 300, acked: 300, failed: 0 },
    ]);
    const got = await vireoJson<{ key: string; value: string }>(['consume', 'shop/orders', '--until-end']);
    expect(got).toHaveLength(300);
    expect(Object.keys(got[0]!)).toEqual(['partition', 'offset', 'timestamp', 'key', 'value', 'headers']);
    for (const country of ['DE', 'NO', 'PT']) {
      const values = got.filter(({ key }) => key === country).map(({ value }) => value);
      expect(values).toEqual(
        sent.filter((each) => each.country === country).map((each) => JSON.stringify(each)),
      );
    }
  });

  test('each replica gives the same; a pipe that closes ends quietly', async () => {
    const reads = await Promise.all(
      [0, 1, 2].map((node) =>
        vireoJson([
          'consume',
          'shop/orders',
          '--until-end',
          '--partition',
          '0',
          '--read-from',
          `node:${node}`,
        ]),
      ),
    );
    expect(reads[1]).toEqual(reads[0]);
    expect(reads[2]).toEqual(reads[0]);
    const reader = start(['consume', 'shop/orders', '--from', 'start', '--server', nodes[0]!.address]);
    const text = collect(reader);
    const exit = once(reader, 'exit');
    await once(reader.stdout!, 'data');
    reader.stdout!.destroy();
    await vireo(['produce', 'shop/orders', '--count', '3']);
    const [code] = (await exit) as [number];
    expect({ code, err: text.err }).toEqual({ code: 0, err: '' });
  });

  test('lines, bytes that are no text, one partition, an offset and a limit', async () => {
    await vireoJson(['topic', 'create', 'shop/lines', '--partitions', '2', '--replication', '1']);
    expect(await vireoJson(['produce', 'shop/lines', '--partition', '1'], 'a\n\nb')).toMatchObject([
      { acked: 3 },
    ]);
    const got = await vireoJson(['consume', 'shop/lines', '--from', '1', '--partition', '1', '--limit', '2']);
    expect(got).toMatchObject([
      { partition: 1, offset: 1, key: null, value: '', headers: [] },
      { partition: 1, offset: 2, value: 'b' },
    ]);
    const text = await vireo(['consume', 'shop/lines', '--until-end']);
    expect(text.out).toBe(
      ['a', '', 'b']
        .map((value, n) => `   1  ${String(n).padStart(10)}  ${'-'.padEnd(16)}  ${value}\n`)
        .join(''),
    );
  });

  test('generated load is summed up; an input that breaks off says how much was acknowledged', async () => {
    expect(await vireoJson(['produce', 'shop/orders', '--count', '5000', '--size', '1k'])).toMatchObject([
      { records: 5_000, acked: 5_000, failed: 0, bytes: 5_120_000 },
    ]);
    const { code, out, err } = await vireo(
      ['produce', 'shop/orders', '--ndjson'],
      '{"a":1}\n{"a":2}\nno\n{"a":3}\n',
    );
    expect(code).toBe(1);
    expect(out).toMatch(/^2 records acknowledged/);
    expect(err).toMatch(/^error invalidRecord: line 3 is not a JSON object\n/);
  });

  test('an interrupted input is sent as far as it came, and said', async () => {
    const producer = start(['produce', 'shop/orders', '--json', '--server', nodes[0]!.address]);
    const text = collect(producer);
    const exit = once(producer, 'exit');
    producer.stdin!.write('a\nb\nunfinished');
    await vi.waitFor(
      async () => {
        const read = await vireoJson(['consume', 'shop/orders', '--until-end']);
        expect(read.some(({ value }) => value === 'b')).toBe(true);
      },
      { timeout: STEP_MS, interval: 200 },
    );
    producer.kill('SIGINT');
    const [code] = (await exit) as [number];
    expect({ code, err: text.err }).toEqual({ code: 130, err: '' });
    expect(JSON.parse(text.out)).toMatchObject({ records: 2, acked: 2, failed: 0 });
  });

  test('the cluster is described, in JSON and in 80 columns; the primary of a view is predicted', async () => {
    const [view] = await vireoJson<ClusterView>(['cluster', 'describe']);
    expect(view?.nodes).toMatchObject([0, 1, 2].map((id) => ({ id, up: true, problem: null })));
    expect(view?.groups.map(({ name }) => name)).toEqual([
      'metadata',
      'shop/orders/0',
      'shop/orders/1',
      'shop/orders/2',
      'shop/lines/0',
      'shop/lines/1',
    ]);
    for (const group of view!.groups) {
      expect(group.primary).toBe(group.members[group.view! % group.members.length]);
      const words = group.name.split('/');
      if (words.length < 3) continue;
      const topic = `${words[0]}/${words[1]}`;
      const args = [
        'cluster',
        'primary',
        '--topic',
        topic,
        '--partition',
        words[2]!,
        '--view',
        String(group.view),
      ];
      expect(await vireoJson(args)).toMatchObject([{ group: group.group, primary: group.primary }]);
    }
    const { out } = await vireo(['cluster', 'describe']);
    expect(out.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(out).toContain('shop/orders/2');
    const [stats] = await vireoJson<{ nodes: { counters: Record<string, unknown> }[] }>(['stats']);
    expect(stats?.nodes).toHaveLength(3);
    for (const { counters } of stats!.nodes) expect(Object.keys(counters).length).toBeGreaterThan(3);
  });

  test('another replica leads a group when it is asked to; what cannot be is refused', async () => {
    const [view] = await vireoJson<ClusterView>(['cluster', 'describe']);
    const { group, primary, members } = view!.groups.find(({ name }) => name === 'shop/orders/1')!;
    const to = members.find((member) => member !== primary)!;
    const order = ['cluster', 'transfer', '--group', String(group), '--to'];
    expect(await vireoJson([...order, String(to)])).toMatchObject([{ group, from: primary, primary: to }]);
    const { out } = await vireo([...order, String(to)]);
    expect(out).toBe(`group ${group} (shop/orders/1) is led by node ${to}: it was already\n`);
    const [after] = await vireoJson<ClusterView>(['cluster', 'describe']);
    expect(after?.groups.find((each) => each.group === group)?.primary).toBe(to);
    const { code, error } = await failure([...order, '9']);
    expect({ code, error }).toMatchObject({ code: 1, error: { code: 'invalid' } });
  });

  test('a killed node is shown as down, and comes back', async () => {
    const victim = nodes[2]!;
    process.kill(victim.pid, 'SIGKILL');
    const [down] = await vireoJson<ClusterView>(['cluster', 'describe']);
    expect(down?.nodes.find(({ id }) => id === victim.id)).toMatchObject({ up: false });
    await vi.waitFor(() => expect(devText.err).toMatch(/node 2 runs again, pid \d+/), { timeout: STEP_MS });
    await vi.waitFor(
      async () => {
        const [up] = await vireoJson<ClusterView>(['cluster', 'describe']);
        expect(up?.nodes.every((node) => node.up)).toBe(true);
        expect(up?.groups.every(({ primary }) => primary !== null)).toBe(true);
      },
      { timeout: STEP_MS, interval: 200 },
    );
    const pid = Number(/node 2 runs again, pid (\d+)/.exec(devText.err)![1]);
    nodes = nodes.map((node) => (node.id === victim.id ? { ...node, pid } : node));
  });

  test('a second cluster on the same ports is refused and touches nothing', async () => {
    const other = join(scratch, 'other');
    const { code, out, err } = await runCommand(['dev', '--data', other, '--port', String(port)]);
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(new RegExp(`^error addressInUse: 127.0.0.1:${port} is in use`));
    expect(readdirSync(other)).toEqual([]);
  });

  test('SIGTERM stops dev and all nodes; the same directory resumes with everything', async () => {
    const before = await vireoJson(['consume', 'shop/orders', '--until-end', '--partition', '1']);
    dev.kill('SIGTERM');
    const [code] = (await once(dev, 'exit')) as [number];
    expect(code).toBe(0);
    expect(nodes.filter(({ pid }) => isAlive(pid))).toEqual([]);
    await startDev();
    expect(nodes.map(({ address }) => address)).toEqual(
      [0, 10, 20].map((step) => `127.0.0.1:${port + step}`),
    );
    expect(await vireoJson(['consume', 'shop/orders', '--until-end', '--partition', '1'])).toEqual(before);
  });

  test('deleting asks for the name', async () => {
    expect(await failure(['topic', 'rm', 'shop/lines'], 'shop/orders\n')).toMatchObject({
      error: { code: 'notConfirmed' },
    });
    expect((await vireo(['topic', 'rm', 'shop/lines'], 'shop/lines\n')).out).toBe(
      'topic shop/lines deleted\n',
    );
    expect(await failure(['stream', 'rm', 'shop', '--yes'])).toMatchObject({
      error: { code: 'streamNotEmpty' },
    });
    expect(await vireoJson(['stream', 'rm', 'shop', '--yes', '--cascade'])).toEqual([
      { stream: 'shop', deleted: true },
    ]);
    expect(await vireoJson(['stream', 'ls'])).toEqual([{ streams: [] }]);
  });

  test('nodes end when dev is killed', async () => {
    dev.kill('SIGKILL');
    await vi.waitFor(() => expect(nodes.filter(({ pid }) => isAlive(pid))).toEqual([]), { timeout: STEP_MS });
  });
});
