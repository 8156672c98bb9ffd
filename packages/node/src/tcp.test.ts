import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { Address } from './address.ts';
import type { NetworkEvents } from './node-core.ts';
import { TcpNetwork } from './tcp.ts';

type Event =
  | { type: 'accepted'; connection: number }
  | { type: 'closed'; connection: number }
  | { type: 'dialed'; connection: number; peer: number; channel: string }
  | { type: 'dialFailed'; peer: number; channel: string; refused: boolean }
  | { type: 'received'; connection: number; chunk: Buffer }
  | { type: 'queued'; connection: number; bytes: number };

/** A network, and what it told its core; `waitFor` waits for the first event that fits. */
class Node {
  readonly events: Event[] = [];
  readonly network: TcpNetwork;
  readonly peers = new Map<number, Address>();
  #looks: (() => void)[] = [];

  constructor(connectionsMax = 10) {
    const add = (event: Event) => {
      this.events.push(event);
      for (const look of this.#looks.splice(0)) look();
    };
    const events: NetworkEvents = {
      accepted: (connection) => add({ type: 'accepted', connection }),
      dialed: (connection, peer, channel) => add({ type: 'dialed', connection, peer, channel }),
      dialFailed: (peer, channel, refused) => add({ type: 'dialFailed', peer, channel, refused }),
      received: (connection, chunk) => add({ type: 'received', connection, chunk }),
      queued: (connection, bytes) => add({ type: 'queued', connection, bytes }),
      closed: (connection) => add({ type: 'closed', connection }),
    };
    this.network = new TcpNetwork({
      events,
      connectionsMax,
      frameBytesMax: 1 << 20,
      addressOf: (peer) => this.peers.get(peer) ?? null,
    });
    nodes.push(this);
  }

  async waitFor<T extends Event['type']>(
    type: T,
    fits: (event: Extract<Event, { type: T }>) => boolean = () => true,
  ): Promise<Extract<Event, { type: T }>> {
    for (;;) {
      const found = this.events.find(
        (event): event is Extract<Event, { type: T }> =>
          event.type === type && fits(event as Extract<Event, { type: T }>),
      );
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#looks.push(resolve));
    }
  }

  received(connection: number): Buffer {
    return Buffer.concat(this.#chunks(connection));
  }

  async waitForBytes(connection: number, bytes: number): Promise<Buffer> {
    const have = () => this.#chunks(connection).reduce((sum, { length }) => sum + length, 0);
    await this.waitFor('received', () => have() >= bytes);
    return this.received(connection);
  }

  #chunks(connection: number): Buffer[] {
    return this.events.flatMap((event) =>
      event.type === 'received' && event.connection === connection ? [event.chunk] : [],
    );
  }
}

const nodes: Node[] = [];
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(nodes.splice(0).map(({ network }) => network.stop(0)));
});

const anyPort: Address = { host: '127.0.0.1', port: 0 };

/** Two nodes and a connection that the first one dialed. */
async function connected() {
  const [dialer, listener] = [new Node(), new Node()];
  dialer.peers.set(1, await listener.network.listen(anyPort));
  dialer.network.dial(1, 'protocol');
  const here = (await dialer.waitFor('dialed')).connection;
  const there = (await listener.waitFor('accepted')).connection;
  return { dialer, listener, here, there };
}

async function rawSocket(node: Node): Promise<Socket> {
  const address = await node.network.listen(anyPort);
  const socket = connect(address.port, address.host);
  sockets.push(socket);
  socket.on('error', () => {});
  await node.waitFor('accepted');
  return socket;
}

const milliseconds = (count: number) => new Promise((resolve) => setTimeout(resolve, count));

describe('connections', () => {
  test('bytes go both ways, and the buffers that were sent are not copied or changed', async () => {
    const { dialer, listener, here, there } = await connected();
    expect(await dialer.waitFor('dialed')).toMatchObject({ peer: 1, channel: 'protocol' });
    dialer.network.send(here, [Buffer.from('head'), Buffer.from(''), Buffer.from('body')]);
    dialer.network.flush();
    expect((await listener.waitForBytes(there, 8)).toString()).toBe('headbody');
    listener.network.send(there, [Buffer.from('answer')]);
    listener.network.flush();
    expect((await dialer.waitForBytes(here, 6)).toString()).toBe('answer');
  });

  test('what is sent in one turn stays here until its end, and arrives in one piece', async () => {
    const { dialer, listener, here, there } = await connected();
    dialer.network.send(here, [Buffer.from('ab')]);
    dialer.network.send(here, [Buffer.from('cd'), Buffer.from('ef')]);
    await milliseconds(20);
    expect(listener.received(there)).toHaveLength(0);
    expect(dialer.network.unsentBytes).toBe(6);
    dialer.network.flush();
    await listener.waitForBytes(there, 6);
    const chunks = listener.events.filter(({ type }) => type === 'received');
    expect(chunks).toHaveLength(1);
    expect(dialer.network.unsentBytes).toBe(0);
  });

  test('a paused connection is not read, and goes on where it stopped', async () => {
    const { dialer, listener, here, there } = await connected();
    listener.network.pause(there);
    dialer.network.send(here, [Buffer.from('later')]);
    dialer.network.flush();
    await milliseconds(30);
    expect(listener.received(there)).toHaveLength(0);
    listener.network.resume(there);
    expect((await listener.waitForBytes(there, 5)).toString()).toBe('later');
  });

  test('bytes that a slow reader leaves behind are reported, and again when they are gone', async () => {
    const { dialer, listener, here, there } = await connected();
    listener.network.pause(there);
    const block = Buffer.alloc(16 << 20, 1);
    dialer.network.send(here, [block]);
    dialer.network.flush();
    const { bytes } = await dialer.waitFor('queued', (event) => event.connection === here);
    expect(bytes).toBeGreaterThan(1 << 20);
    expect(bytes).toBeLessThanOrEqual(block.length);
    listener.network.resume(there);
    await dialer.waitFor('queued', (event) => event.bytes === 0);
    await listener.waitForBytes(there, block.length);
  });

  test('a fast reader causes no reports', async () => {
    const { dialer, listener, here, there } = await connected();
    for (let round = 1; round <= 20; round++) {
      dialer.network.send(here, [Buffer.alloc(1000)]);
      dialer.network.flush();
      await listener.waitForBytes(there, 1000 * round);
    }
    expect(dialer.events.some(({ type }) => type === 'queued')).toBe(false);
  });

  test('sending to a connection that is gone is nothing', async () => {
    const { dialer, listener, here, there } = await connected();
    listener.network.close(there);
    await dialer.waitFor('closed');
    dialer.network.send(here, [Buffer.from('x')]);
    dialer.network.flush();
    dialer.network.pause(here);
    dialer.network.resume(here);
    dialer.network.close(here);
    expect(dialer.network.unsentBytes).toBe(0);
  });
});

describe('the end of a connection', () => {
  test('close delivers what was sent before it, even when the other side still sends; only the other core hears', async () => {
    const node = new Node();
    const socket = await rawSocket(node);
    const { connection } = await node.waitFor('accepted');
    // Unread input at a close is what makes a kernel reset the connection and drop the last frame.
    socket.write(Buffer.alloc(4 << 20));
    await node.waitFor('received');
    node.network.send(connection, [Buffer.from('why')]);
    node.network.close(connection);
    node.network.flush();
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk.toString();
      });
      socket.on('end', () => resolve(text));
    });
    expect(answer).toBe('why');
    const before = node.events.length;
    await milliseconds(20);
    expect(node.events.slice(before)).toEqual([]);
    expect(node.events.some(({ type }) => type === 'closed')).toBe(false);
  });

  test('close of a reader that takes nothing ends all the same', async () => {
    const node = new Node();
    const socket = await rawSocket(node);
    socket.pause();
    const { connection } = await node.waitFor('accepted');
    node.network.send(connection, [Buffer.alloc(16 << 20)]);
    node.network.flush();
    node.network.close(connection);
    await expect.poll(() => node.network.connectionCount, { timeout: 3_000 }).toBe(0);
  });

  test('a reset by the other side is closed, once', async () => {
    const node = new Node();
    const socket = await rawSocket(node);
    socket.resetAndDestroy();
    await node.waitFor('closed');
    await milliseconds(10);
    expect(node.events.filter(({ type }) => type === 'closed')).toHaveLength(1);
    expect(node.network.connectionCount).toBe(0);
  });

  test('stop sends what is queued and leaves nothing open', async () => {
    const { dialer, listener, here, there } = await connected();
    dialer.network.send(here, [Buffer.from('last')]);
    await dialer.network.stop(500);
    expect((await listener.waitForBytes(there, 4)).toString()).toBe('last');
    await listener.waitFor('closed');
    expect(dialer.network.connectionCount).toBe(0);
    dialer.network.dial(1, 'bulk');
    await milliseconds(20);
    expect(listener.events.filter(({ type }) => type === 'accepted')).toHaveLength(1);
  });
});

describe('dialing and listening', () => {
  test('a port where nobody listens is refused: the process has ended', async () => {
    const node = new Node();
    const server = createServer();
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    );
    await new Promise((resolve) => server.close(resolve));
    node.peers.set(2, { host: '127.0.0.1', port });
    node.network.dial(2, 'bulk');
    expect(await node.waitFor('dialFailed')).toEqual({
      type: 'dialFailed',
      peer: 2,
      channel: 'bulk',
      refused: true,
    });
  });

  test('a name that does not resolve, or a peer without an address, is a failure and not refused', async () => {
    const node = new Node();
    node.peers.set(2, { host: 'no-such-host.invalid', port: 1 });
    node.network.dial(2, 'protocol');
    node.network.dial(3, 'protocol');
    // Never from within the call.
    expect(node.events).toEqual([]);
    expect((await node.waitFor('dialFailed', ({ peer }) => peer === 3)).refused).toBe(false);
    expect((await node.waitFor('dialFailed', ({ peer }) => peer === 2)).refused).toBe(false);
  });

  test('a port that is taken has its code and names the address', async () => {
    const [first, second] = [new Node(), new Node()];
    const address = await first.network.listen(anyPort);
    await expect(second.network.listen(address)).rejects.toMatchObject({
      code: 'addressInUse',
      message: expect.stringContaining(`127.0.0.1:${address.port}`),
    });
  });

  test('an address of another machine has its code', async () => {
    // 192.0.2.0/24 is reserved for documentation (RFC 5737).
    await expect(new Node().network.listen({ host: '192.0.2.1', port: 0 })).rejects.toMatchObject({
      code: 'addressUnavailable',
    });
  });

  test('connections above the bound are not accepted', async () => {
    const node = new Node(1);
    const { port } = await node.network.listen(anyPort);
    sockets.push(connect(port, '127.0.0.1'));
    await node.waitFor('accepted');
    const second = connect(port, '127.0.0.1');
    sockets.push(second);
    await new Promise((resolve) => second.on('close', resolve));
    expect(node.events.filter(({ type }) => type === 'accepted')).toHaveLength(1);
  });
});
