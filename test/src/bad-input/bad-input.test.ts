import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as dial, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, VireoError } from '@vireo/client';
import { formatNode, nodeChecksums } from '@vireo/node';
import {
  decodeError,
  encodeFrameHead,
  encodeHello,
  type Frame,
  FrameKind,
  FrameReader,
} from '@vireo/protocol';
import { History, verifyHistory } from '@vireo/simulator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePorts } from '../harness/free-ports.ts';
import { readLogs, ServerProcess, TestCluster, Workload } from '../harness/index.ts';

/**
 * Everything here is done to one cluster under load. Each case gets its clear error, and a log event at the node where the
 * node could see it; at the end nothing of the load is lost and no node has restarted.
 */
const TOPIC = 'shop/orders';
let cluster: TestCluster;
let client: Client;
let workload: Workload;
let pids: number[];
const history = new History();

beforeAll(async () => {
  cluster = await TestCluster.start();
  client = await cluster.client();
  await client.admin.createStream('shop');
  await client.admin.createTopic(TOPIC, { partitions: 2, replication: 3 });
  await cluster.ready();
  pids = cluster.nodes.map(({ process }) => process?.pid ?? 0);
  workload = new Workload(client, { topic: TOPIC, partitions: 2, history, name: 'load', inFlight: 1 });
  workload.start();
}, 60_000);

afterAll(async () => {
  await cluster.stop();
});

async function codeOf(action: Promise<unknown>): Promise<string> {
  try {
    await action;
  } catch (error) {
    if (VireoError.is(error)) return `${error.code} ${error.outcome}`;
    throw error;
  }
  return 'no error';
}

async function port(id: number): Promise<Socket> {
  const [host, text] = (cluster.nodes[id]?.address ?? '').split(':');
  const socket = dial(Number(text), host);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', () => resolve());
    socket.once('error', reject);
  });
  return socket;
}

/** Everything that comes until the other side closes. */
function untilClosed(socket: Socket): Promise<Buffer> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', () => {});
    socket.on('close', () => resolve(Buffer.concat(chunks)));
  });
}

function frames(bytes: Buffer): Frame[] {
  const found: Frame[] = [];
  new FrameReader({ frameBytesMax: 1 << 20 }, nodeChecksums()).push(bytes, (frame) => found.push(frame));
  return found;
}

describe('names and sizes, at the SDK', () => {
  it('an unknown stream, topic or partition', async () => {
    expect(await codeOf(client.admin.lookupTopic('nowhere/orders'))).toBe('unknownStream notApplied');
    expect(await codeOf(client.admin.lookupTopic('shop/nothing'))).toBe('unknownTopic notApplied');
    expect(await codeOf(client.producer('shop/nothing').send({ value: 'x' }))).toBe(
      'unknownTopic notApplied',
    );
    expect(await codeOf(client.producer(TOPIC).send({ value: 'x' }, { partition: 2 }))).toBe(
      'unknownPartition notApplied',
    );
    const consumer = client.consumer(TOPIC, { partitions: [7] });
    expect(await codeOf(consumer.messages().next())).toBe('unknownPartition notApplied');
  });

  it('names with odd characters, too long, or empty', async () => {
    for (const name of ['', 'a\u0000b', 'line\nbreak', 'x'.repeat(256), '\u00fc'.repeat(128), 'e\u0301']) {
      expect(await codeOf(client.admin.createStream(name)), name).toBe('invalidName notApplied');
    }
    await client.admin.createStream('x'.repeat(255));
    await client.admin.createStream('büro 7 %$');
  });

  it('a record over the limit is refused, one just below it is taken', async () => {
    const producer = client.producer(TOPIC);
    expect(await codeOf(producer.send({ value: Buffer.alloc((1 << 20) + 1) }, { partition: 0 }))).toBe(
      'recordTooLarge notApplied',
    );
    await client.admin.createTopic('shop/large');
    const large = client.producer('shop/large');
    expect(await large.send({ value: Buffer.alloc((1 << 20) - 64) })).toMatchObject({
      partition: 0,
      offset: 0,
    });
  });

  it('what exists already, and more replicas than nodes', async () => {
    expect(await codeOf(client.admin.createStream('shop'))).toBe('alreadyExists notApplied');
    expect(await codeOf(client.admin.createTopic(TOPIC))).toBe('alreadyExists notApplied');
    expect(await codeOf(client.admin.createTopic('shop/many', { replication: 4 }))).toBe(
      'tooManyReplicas notApplied',
    );
    expect(await codeOf(client.admin.createTopic('shop/none', { partitions: 0 }))).toMatch(/notApplied$/);
  });
});

describe('what is no client of ours, at the port', () => {
  it('another protocol version gets the range, then the end', async () => {
    const socket = await port(0);
    const hello = encodeHello({
      protocolMin: 90,
      protocolMax: 99,
      role: 'client',
      name: 'future',
      auth: 'none',
      nonce: Buffer.alloc(16),
      channel: 'data',
    });
    socket.write(encodeFrameHead(FrameKind.hello, 1, 0, hello, 0, nodeChecksums()));
    const [frame] = frames(await untilClosed(socket));
    expect(frame?.kind).toBe(FrameKind.error);
    const error = decodeError(frame?.payload ?? Buffer.alloc(0));
    expect(error).toMatchObject({ ok: true, value: { code: 'unsupportedVersion', details: { min: 1 } } });
    expect(
      cluster
        .events(0)
        .some(({ event, code }) => event === 'connection.rejected' && code === 'unsupportedVersion'),
    ).toBe(true);
  });

  it('plain HTTP is answered in HTTP', async () => {
    const socket = await port(1);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect((await untilClosed(socket)).toString()).toMatch(/^HTTP\/1\.1 400 /);
    expect(
      cluster.events(1).some(({ event, code }) => event === 'connection.rejected' && code === 'notVireo'),
    ).toBe(true);
  });

  it('garbage ends its connection only', async () => {
    const socket = await port(2);
    socket.write(Buffer.alloc(4096, 0x5a));
    await untilClosed(socket);
    expect(cluster.events(2).some(({ event }) => event === 'connection.rejected')).toBe(true);
  });

  it('a connection that says nothing is closed', { timeout: 20_000 }, async () => {
    const socket = await port(0);
    await untilClosed(socket);
    expect(cluster.events(0).some(({ event }) => event === 'connection.idle')).toBe(true);
  });
});

describe('nodes that do not belong', () => {
  it('a wiped founder is refused for good, and told what to do', { timeout: 60_000 }, async () => {
    // Its own directory stands aside meanwhile: the cluster goes on with the other two.
    const node = cluster.nodes[2];
    if (node === undefined) throw new Error('three nodes were started');
    await cluster.terminate(2);
    const aside = `${node.directory}.aside`;
    cpSync(node.directory, aside, { recursive: true });
    rmSync(node.directory, { recursive: true });
    mkdirSync(node.directory);
    const founders = cluster.nodes.map(({ id, address }) => ({ id, address, host: `host-${id}` }));
    // An empty directory is refused by the node itself.
    const empty = new ServerProcess(['--data', node.directory, '--health-port', '0'], node.log);
    expect(await empty.ended).toBe(2);
    expect(empty.logTail()).toContain('vireo node format');
    // A formatted one is another member: the cluster does not take it for the old one.
    formatNode({ directory: node.directory, cluster: 'test', node: 2, founders });
    const wiped = new ServerProcess(['--data', node.directory, '--health-port', '0'], node.log);
    await expect.poll(() => wiped.logTail(), { timeout: 15_000 }).toContain('replace-node');
    wiped.signal('SIGKILL');
    await wiped.ended;
    rmSync(node.directory, { recursive: true });
    cpSync(aside, node.directory, { recursive: true });
    await cluster.restart(2);
    await cluster.caughtUp();
    pids[2] = cluster.nodes[2]?.process?.pid ?? 0;
  });

  it('a directory of another cluster is not taken in', { timeout: 60_000 }, async () => {
    const other = mkdtempSync(join(tmpdir(), 'vireo-other-'));
    const base = await freePorts(1, 10);
    // It claims to be node 0 of a cluster whose other founder is our node 1.
    const founders = [
      { id: 0, address: `127.0.0.1:${base}`, host: 'a' },
      { id: 1, address: cluster.nodes[1]?.address ?? '', host: 'b' },
    ];
    formatNode({ directory: join(other, 'node'), cluster: 'elsewhere', node: 0, founders });
    const log = join(other, 'log');
    const stranger = new ServerProcess(['--data', join(other, 'node'), '--health-port', '0'], log);
    await expect
      .poll(() => cluster.events(1).some(({ event }) => event === 'peer.refused'), { timeout: 15_000 })
      .toBe(true);
    stranger.signal('SIGKILL');
    await stranger.ended;
    rmSync(other, { recursive: true });
  });

  it('a peer without the secret is refused', { timeout: 60_000 }, async () => {
    const directory = mkdtempSync(join(tmpdir(), 'vireo-secret-'));
    const base = await freePorts(2, 10);
    const founders = [0, 1].map((id) => ({ id, address: `127.0.0.1:${base + id * 10}`, host: `h${id}` }));
    const started = founders.map(({ id }) => {
      formatNode({ directory: join(directory, `${id}`), cluster: 'secretive', node: id, founders });
      const secret = join(directory, `secret-${id}`);
      writeFileSync(secret, `secret number ${id}\n`, { mode: 0o600 });
      const args = ['--data', join(directory, `${id}`), '--health-port', '0', '--secret-file', secret];
      return new ServerProcess(args, join(directory, `log-${id}`));
    });
    await expect
      .poll(() => started.some((process) => process.logTail().includes('"peer.refused"')), {
        timeout: 15_000,
      })
      .toBe(true);
    for (const process of started) process.signal('SIGKILL');
    await Promise.all(started.map((process) => process.ended));
    rmSync(directory, { recursive: true });
  });
});

describe('after all that', () => {
  it('nothing of the load is lost, and no node has restarted', { timeout: 60_000 }, async () => {
    await workload.stop();
    expect(workload.acked).toBeGreaterThan(100);
    const extra = await readLogs(client, TOPIC);
    expect(verifyHistory(history, extra, true)).toEqual([]);
    expect(cluster.nodes.map(({ process }) => process?.pid)).toEqual(pids);
    expect(cluster.nodes.every(({ id }) => cluster.running(id))).toBe(true);
  });
});
