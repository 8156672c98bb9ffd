import net from 'node:net';
import { encodeError, FrameKind, VireoError } from '@vireo/protocol';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseSeeds } from './addresses.ts';
import { connect } from './connect.ts';
import { FakeCluster } from './testing/fake-cluster.ts';
import { CLUSTER } from './testing/fake-node.ts';

let cluster: FakeCluster;
beforeEach(async () => {
  cluster = await FakeCluster.start();
});
afterEach(() => cluster.stop());

async function failure(promise: Promise<unknown>): Promise<VireoError> {
  const error = await promise.then(
    () => null,
    (cause: unknown) => cause,
  );
  if (!VireoError.is(error)) throw new Error(`expected a VireoError, got ${String(error)}`);
  return error;
}

describe('addresses', () => {
  test('one, several, a list, IPv6, the default port', () => {
    expect(parseSeeds('vireo://127.0.0.1:7400,[::1]:7410/')).toEqual([
      { host: '127.0.0.1', port: 7400 },
      { host: '::1', port: 7410 },
    ]);
    expect(parseSeeds(['node-a', 'node-b:1'])).toEqual([
      { host: 'node-a', port: 7400 },
      { host: 'node-b', port: 1 },
    ]);
  });
  test.each(['', 'http://x:1', 'a:99999', 'a:0', 'a b', '::1', 'a:1/x'])('%j is refused', (text) => {
    expect(() => parseSeeds(text)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
  test('an empty list is refused', () => {
    expect(() => parseSeeds([])).toThrow(expect.objectContaining({ code: 'invalid' }));
  });
});

describe('connecting', () => {
  test('goes on to the next seed when one is dead; knows cluster and nodes', async () => {
    await cluster.nodes[0]!.stop();
    const client = await connect(`vireo://${cluster.seeds.join(',')}`);
    expect(client.cluster).toBe(CLUSTER);
    expect(client.nodes).toEqual([0, 1, 2]);
    await client.close();
  });

  test('nobody there: connectFailed, which says what was wrong', async () => {
    await cluster.stop();
    const error = await failure(connect(cluster.seeds, { deadlineMs: 200 }));
    expect(error).toMatchObject({ code: 'connectFailed', outcome: 'notApplied' });
    expect(error.message).toContain('ECONNREFUSED');
  });

  test('another protocol version: said at once', async () => {
    for (const node of cluster.nodes) {
      node.onHello = (socket) => {
        const payload = encodeError({
          code: 'unsupportedVersion',
          message: '2 to 3 are spoken',
          details: { min: 2, max: 3 },
        });
        node.send(socket, FrameKind.error, 0, 0, payload);
        return true;
      };
    }
    const error = await failure(connect(cluster.seeds));
    expect(error).toMatchObject({ code: 'unsupportedVersion', details: { min: 2, max: 3 } });
  });

  test('an HTTP server: notVireo, at once', async () => {
    const server = net.createServer((socket) => {
      socket.resume().end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    const error = await failure(connect(`127.0.0.1:${port}`));
    expect(error).toMatchObject({ code: 'notVireo', retryable: false });
    expect(error.message).toContain('not the Vireo protocol');
    await new Promise((resolve) => server.close(resolve));
  });

  test('bytes of any kind from a server: a typed error, and nothing is left behind', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
        const server = net.createServer((socket) => {
          socket.on('error', () => {});
          socket.resume().end(bytes);
        });
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
        const { port } = server.address() as net.AddressInfo;
        const error = await failure(connect(`127.0.0.1:${port}`, { deadlineMs: 20 }));
        expect(['notVireo', 'connectFailed']).toContain(error.code);
        await new Promise((resolve) => server.close(resolve));
      }),
      { numRuns: 30, seed: 4 },
    );
  });

  test('a server that never answers: connectFailed after the time set', async () => {
    for (const node of cluster.nodes) node.onHello = () => true;
    const error = await failure(connect(cluster.seeds, { connectTimeoutMs: 50, deadlineMs: 400 }));
    expect(error.code).toBe('connectFailed');
  });

  test('an abort while connecting', async () => {
    for (const node of cluster.nodes) node.onHello = () => true;
    const error = await failure(connect(cluster.seeds, { signal: AbortSignal.timeout(50) }));
    expect(error).toMatchObject({ code: 'aborted', outcome: 'notApplied' });
  });
});

describe('admin', () => {
  test('reads are repeated on another node, after lost connections too', async () => {
    const client = await connect(cluster.seeds);
    let trouble = 3;
    for (const node of cluster.nodes) {
      node.onRequest = () => {
        if (trouble-- <= 0) return null;
        return trouble % 2 === 0 ? 'close' : { refuse: 'notReady' };
      };
    }
    const { nodes, streams } = await client.admin.describe();
    expect(nodes.map(({ id }) => id)).toEqual([0, 1, 2]);
    expect(streams[0]!.topics[0]!.name).toBe('orders');
    await client.close();
  });

  test('what changes something is not repeated after a lost connection: the outcome is unknown', async () => {
    const client = await connect(cluster.seeds);
    for (const node of cluster.nodes) node.onRequest = () => 'close';
    const error = await failure(client.admin.createStream('shop'));
    expect(error).toMatchObject({ code: 'connectionLost', outcome: 'unknown' });
    await client.close();
  });

  test('a refusal comes with its code; requests of one node go to that node', async () => {
    const client = await connect(cluster.seeds);
    for (const node of cluster.nodes) node.onRequest = () => ({ refuse: 'alreadyExists' });
    expect(await failure(client.admin.createStream('shop'))).toMatchObject({
      code: 'alreadyExists',
      outcome: 'notApplied',
    });
    for (const node of cluster.nodes) node.onRequest = null;
    expect(await client.admin.groupStates(2)).toMatchObject({ node: 2 });
    expect(await client.admin.coldStart(1, 7)).toEqual({ node: 1, status: 'amnesiac' });
    await client.admin.alterTopic('shop/orders', { durability: 'memory' });
    expect(await failure(client.admin.alterTopic('orders', { durability: 'disk' }))).toMatchObject({
      code: 'invalidName',
    });
    expect(await client.admin.partitionInfo('shop/orders', 0)).toMatchObject({ start: 0, end: 0, node: 0 });
    expect(await failure(client.admin.partitionInfo('shop/orders', 9))).toMatchObject({
      code: 'unknownPartition',
    });
    await client.close();
  });

  test('a deadline: timeout, which says what was in the way', async () => {
    const client = await connect(cluster.seeds);
    for (const node of cluster.nodes) node.onRequest = () => ({ refuse: 'notReady' });
    const error = await failure(client.admin.describe({ deadlineMs: 150 }));
    expect(error).toMatchObject({ code: 'timeout', outcome: 'notApplied', details: { code: 'notReady' } });
    await client.close();
  });

  test('one control connection, one data connection per node, however many producers and consumers', async () => {
    const client = await connect(cluster.seeds);
    const producers = [client.producer('shop/orders'), client.producer('shop/orders')];
    await Promise.all(producers.map((producer) => producer.send({ value: 'x' })));
    const consumer = client.consumer('shop/orders', { readFrom: 'primary', until: 'end' });
    for await (const _ of consumer.messages());
    const hellos = cluster.nodes.flatMap(({ hellos: channels }) => channels);
    expect(hellos.filter((channel) => channel === 'control')).toHaveLength(1);
    expect(hellos.filter((channel) => channel === 'data')).toHaveLength(1);
    await client.close();
    await expect.poll(() => cluster.nodes.every(({ sockets }) => sockets.size === 0)).toBe(true);
  });

  test('a closed client leaves no handle', async () => {
    const handles = (): string[] =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap' || kind === 'Timeout');
    const before = handles().length;
    const client = await connect(cluster.seeds);
    const producer = client.producer('shop/orders');
    await producer.send({ value: 'x' });
    const consumer = client.consumer('shop/orders');
    for await (const { offset } of consumer.messages()) if (offset === 0) break;
    expect(handles().length).toBeGreaterThan(before);
    await client.close();
    await expect.poll(() => handles().length).toBeLessThanOrEqual(before);
  });
});
