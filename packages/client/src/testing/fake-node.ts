import type { AddressInfo, Socket } from 'node:net';
import net from 'node:net';
import {
  type ControlRequest,
  decodeCredit,
  decodeHello,
  decodePrepareHeader,
  decodeProduce,
  decodeRequest,
  decodeSubscribe,
  defaultLimits,
  type ErrorCode,
  ErrorCodes,
  encodeBatchesHead,
  encodeError,
  encodeFrameHead,
  encodeProduceAck,
  encodeResponse,
  encodeSubscribed,
  encodeSubscriptionStatus,
  encodeWelcome,
  type Frame,
  FrameKind,
  type FrameKindValue,
  FrameReader,
  negotiate,
  peekBatch,
  type Subscribe,
  verifyBatch,
} from '@vireo/protocol';
import { checksums as crc } from '../checksums.ts';
import type { FakeCluster } from './fake-cluster.ts';
import { checksums, type FakePartition, type Seen } from './fake-partition.ts';

export const CLUSTER = 'ab'.repeat(16);

/** What a node does with a produce request. */
export type ProduceVerdict =
  | 'store'
  /** Stores, and closes the connection in place of an ack. */
  | 'storeAndClose'
  | 'storeSilently'
  | 'close'
  | 'ignore'
  | { readonly refuse: ErrorCode; readonly details?: Record<string, unknown> };

interface Subscription {
  readonly id: number;
  readonly partition: FakePartition;
  next: number;
  bytes: number;
  records: number;
}

/** A node that keeps to the wire protocol, and otherwise does what the test says. */
export class FakeNode {
  readonly id: number;
  readonly cluster: FakeCluster;
  readonly sockets = new Set<Socket>();
  readonly requests: ControlRequest[] = [];
  readonly hellos: string[] = [];
  subscribes = 0;
  /** Null: nothing is answered to a hello. */
  onHello: ((socket: Socket) => boolean) | null = null;
  onProduce: (seen: Seen) => ProduceVerdict = () => 'store';
  onRequest: ((request: ControlRequest) => { readonly refuse: ErrorCode } | 'close' | null) | null = null;
  onSubscribe:
    | ((group: number) => { readonly refuse: ErrorCode; details?: Record<string, unknown> } | 'ignore' | null)
    | null = null;
  /** Called before each push; true: the push is not sent. */
  onPush: ((socket: Socket, baseOffset: number) => boolean) | null = null;
  /** How many records it holds back: a lagging backup. */
  lag = 0;
  ageMs = 0;
  /** What was asked for last. */
  subscribed: Subscribe | null = null;
  #server: net.Server | null = null;
  readonly #subscriptions = new Map<Socket, Map<number, Subscription>>();
  port = 0;

  constructor(id: number, cluster: FakeCluster) {
    this.id = id;
    this.cluster = cluster;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    const server = net.createServer((socket) => this.#accept(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
  }

  /** Dies: all connections with it. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    this.dropConnections();
    if (server !== null) await new Promise<void>((resolve) => server.close(() => resolve()));
  }

  dropConnections(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    this.#subscriptions.set(socket, new Map());
    socket.on('error', () => {});
    socket.on('close', () => {
      this.sockets.delete(socket);
      this.#subscriptions.delete(socket);
    });
    const reader = new FrameReader({ frameBytesMax: defaultLimits.frameBytesMax }, crc);
    socket.on('data', (chunk) => {
      const error = reader.push(chunk, (frame) => this.#frame(socket, frame));
      if (error !== null) throw new Error(`the client sent garbage: ${error.code} ${error.message}`);
    });
  }

  send(socket: Socket, kind: FrameKindValue, correlation: number, group: number, covered: Buffer): void {
    if (!socket.destroyed) socket.write(encodeFrameHead(kind, correlation, group, covered, 0, crc));
  }

  #error(socket: Socket, frame: Frame, code: ErrorCode, details?: Record<string, unknown>): void {
    const payload = encodeError({ code, message: ErrorCodes[code].message, details });
    this.send(socket, FrameKind.error, frame.correlation, frame.group, payload);
  }

  #frame(socket: Socket, frame: Frame): void {
    switch (frame.kind) {
      case FrameKind.hello: {
        const hello = decodeHello(frame.payload);
        if (!hello.ok) throw new Error(hello.error.message);
        this.hellos.push(hello.value.channel);
        if (this.onHello?.(socket)) return;
        const version = negotiate(hello.value);
        if (!version.ok) throw new Error(version.error.message);
        const nodes = this.cluster.nodes.map(({ id, address }) => ({ id, address }));
        const welcome = {
          protocol: version.value,
          cluster: CLUSTER,
          node: this.id,
          incarnation: '0'.repeat(32),
          startCounter: 1,
          nonce: Buffer.alloc(16),
          nodes,
        };
        this.send(socket, FrameKind.welcome, frame.correlation, 0, encodeWelcome(welcome));
        return;
      }
      case FrameKind.ping:
        this.send(socket, FrameKind.pong, frame.correlation, 0, Buffer.alloc(0));
        return;
      case FrameKind.request:
        this.#request(socket, frame);
        return;
      case FrameKind.produce:
        this.#produce(socket, frame);
        return;
      case FrameKind.subscribe:
        this.#subscribe(socket, frame);
        return;
      case FrameKind.credit: {
        const credit = decodeCredit(frame);
        const subscription = this.#subscriptions.get(socket)?.get(frame.correlation);
        if (!credit.ok) throw new Error(credit.error.message);
        if (subscription === undefined) return;
        subscription.bytes += credit.value.bytes;
        subscription.records += credit.value.records;
        this.#push(socket, subscription);
        return;
      }
      case FrameKind.unsubscribe:
        this.#subscriptions.get(socket)?.delete(frame.correlation);
        return;
      default:
        throw new Error(`a client does not send kind ${frame.kind}`);
    }
  }

  #request(socket: Socket, frame: Frame): void {
    const decoded = decodeRequest(frame.payload);
    if (!decoded.ok) throw new Error(decoded.error.message);
    const request = decoded.value;
    this.requests.push(request);
    const verdict = this.onRequest?.(request) ?? null;
    if (verdict === 'close') {
      socket.destroy();
      return;
    }
    if (verdict !== null) {
      this.#error(socket, frame, verdict.refuse);
      return;
    }
    const payload = this.#answer(request);
    if (typeof payload === 'string') {
      const partition = this.cluster.partitions.find(
        ({ group }) => 'group' in request && group === request.group,
      );
      this.#error(socket, frame, payload, partition && this.cluster.redirect(partition));
    } else this.send(socket, FrameKind.response, frame.correlation, 0, payload);
  }

  #answer(request: ControlRequest): Buffer | ErrorCode {
    const { cluster } = this;
    switch (request.op) {
      case 'lookupTopic':
        if (request.topic !== 'orders') return 'unknownTopic';
        return encodeResponse('lookupTopic', {
          stamp: 7,
          nodes: cluster.describeNodes(),
          streamId: 1,
          topic: cluster.describe(),
        });
      case 'describe':
        return encodeResponse('describe', {
          stamp: 7,
          nodes: cluster.describeNodes(),
          streams: [{ id: 1, name: 'shop', topics: [cluster.describe()] }],
        });
      case 'register':
        return encodeResponse('register', { sessionId: ++cluster.sessions, stamp: 8 });
      case 'createStream':
        return encodeResponse('createStream', { streamId: 1, stamp: 9 });
      case 'alterTopic':
        return encodeResponse('alterTopic', { stamp: 10 });
      case 'coldStart':
        return encodeResponse('coldStart', { node: this.id, status: 'amnesiac' });
      case 'groupStates':
        return encodeResponse('groupStates', { node: this.id, groups: [] });
      case 'partitionInfo': {
        const partition = cluster.partitions.find(({ group }) => group === request.group);
        if (partition === undefined) return 'unknownGroup';
        if (partition.primary !== this.id) return 'notPrimary';
        const { end, view, lossEpoch } = partition;
        return encodeResponse('partitionInfo', {
          start: 0,
          end,
          lossEpoch,
          view,
          node: this.id,
          mode: 'disk',
        });
      }
      default:
        return 'invalidRequest';
    }
  }

  #produce(socket: Socket, frame: Frame): void {
    const request = decodeProduce(frame);
    if (!request.ok) throw new Error(request.error.message);
    const header = peekBatch(request.value.batch);
    if (!header.ok) throw new Error(header.error.message);
    const damaged = verifyBatch(request.value.batch, header.value, crc);
    if (damaged !== null) throw new Error(damaged.message);
    const { producerId, producerEpoch, sequence, checksum, count } = header.value;
    const seen = { node: this.id, group: frame.group, producerId, producerEpoch, sequence, checksum, count };
    this.cluster.seen.push(seen);
    const partition = this.cluster.partitions.find(({ group }) => group === frame.group)!;
    const verdict = this.onProduce(seen);
    if (verdict === 'ignore') return;
    if (verdict === 'close') {
      socket.destroy();
      return;
    }
    if (typeof verdict === 'object') {
      this.#error(socket, frame, verdict.refuse, verdict.details);
      return;
    }
    if (partition.primary !== this.id) {
      this.#error(socket, frame, 'notPrimary', this.cluster.redirect(partition));
      return;
    }
    const stored = partition.append(request.value, seen);
    if (typeof stored === 'string') {
      this.#error(socket, frame, stored);
      return;
    }
    for (const node of this.cluster.nodes) node.wake();
    if (verdict === 'storeSilently') return;
    if (verdict === 'storeAndClose') {
      socket.destroy();
      return;
    }
    const { baseOffset, op, duplicate } = stored;
    const { lossEpoch } = partition;
    const ack = { baseOffset, op, count, duplicate, timestamp: 1_000, lossEpoch, durability: 2 as const };
    socket.write(
      encodeProduceAck(frame.correlation, frame.group, { ...ack, view: partition.view, node: this.id }, crc),
    );
  }

  #subscribe(socket: Socket, frame: Frame): void {
    const request = decodeSubscribe(frame.payload);
    if (!request.ok) throw new Error(request.error.message);
    this.subscribes++;
    this.subscribed = request.value;
    const verdict = this.onSubscribe?.(frame.group) ?? null;
    if (verdict === 'ignore') return;
    if (verdict !== null) {
      this.#error(socket, frame, verdict.refuse, verdict.details);
      return;
    }
    const { subscription, from, creditBytes, creditRecords } = request.value;
    const partition = this.cluster.partitions.find(({ group }) => group === frame.group)!;
    const { token } = request.value;
    if (token !== undefined && token.lossEpoch < partition.lossEpoch) {
      this.#error(socket, frame, 'lossEpochChanged');
      return;
    }
    const next = 'offset' in from ? from.offset : 'start' in from ? 0 : partition.end;
    const entry = { id: subscription, partition, next, bytes: creditBytes, records: creditRecords };
    this.#subscriptions.get(socket)!.set(subscription, entry);
    const answer = {
      start: 0,
      end: partition.end,
      lossEpoch: partition.lossEpoch,
      op: partition.log.length,
      from: next,
      node: this.id,
      role: this.#role(partition),
      view: partition.view,
      ageMs: this.ageMs,
    };
    this.send(socket, FrameKind.subscribed, frame.correlation, frame.group, encodeSubscribed(answer));
    this.#push(socket, entry);
  }

  #role(partition: FakePartition): 'primary' | 'backup' {
    return partition.primary === this.id ? 'primary' : 'backup';
  }

  /** Pushes what there is, as credit allows. */
  wake(): void {
    for (const [socket, subscriptions] of this.#subscriptions) {
      for (const subscription of subscriptions.values()) this.#push(socket, subscription);
    }
  }

  /** A status to every subscription. */
  status(): void {
    for (const [socket, subscriptions] of this.#subscriptions) {
      for (const { id, partition } of subscriptions.values()) {
        const { end, view } = partition;
        socket.write(
          encodeSubscriptionStatus(id, partition.group, { commitOffset: end, view, ageMs: this.ageMs }, crc),
        );
      }
    }
  }

  #push(socket: Socket, subscription: Subscription): void {
    const { partition } = subscription;
    for (const prepare of partition.log) {
      const header = decodePrepareHeader(prepare.bytes, checksums);
      if (!header.ok) throw new Error(header.error.message);
      const { baseOffset, count } = header.value;
      if (baseOffset + count <= subscription.next) continue;
      if (subscription.bytes <= 0 || subscription.records <= 0) return;
      if (baseOffset + count > partition.end - this.lag) return;
      subscription.next = baseOffset + count;
      subscription.bytes -= prepare.bytes.length;
      subscription.records -= count;
      if (this.onPush?.(socket, baseOffset)) continue;
      const head = {
        commitOffset: partition.end,
        firstOffset: baseOffset,
        view: partition.view,
        node: this.id,
        role: this.#role(partition),
        ageMs: this.ageMs,
        lossEpoch: partition.lossEpoch,
      };
      socket.write(encodeBatchesHead(subscription.id, partition.group, head, prepare.bytes.length, crc));
      socket.write(prepare.bytes);
    }
  }
}
