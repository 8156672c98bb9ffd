import {
  BatchBuilder,
  type Batches,
  type ControlRequest,
  type ControlResponse,
  DurabilityCode,
  type DurabilityCodeValue,
  decodeBatch,
  decodeBatches,
  decodeError,
  decodeProduceAck,
  decodeResponse,
  decodeSubscribed,
  decodeSubscriptionStatus,
  defaultLimits,
  encodeFrameHead,
  encodeHello,
  encodeProduceHead,
  encodeRequest,
  encodeSubscribe,
  type Frame,
  FrameKind,
  type FrameKindValue,
  FrameReader,
  PREPARE_HEADER_SIZE,
  PRODUCE_ROOM,
  PrepareKind,
  type ProduceAck,
  type StartPosition,
  type Subscribe,
  type Subscribed,
  type SubscriptionStatus,
  type VireoError,
} from '@vireo/protocol';
import { plainChecksums } from '@vireo/storage/testing';
import type { NodeId } from '@vireo/vsr';
import type { Endpoint, Loopback } from './loopback.ts';

/** What the node answered to a request: the frame's content, or its error. */
export type Answer<T> = { ok: true; value: T } | { ok: false; error: VireoError };

/** A client by hand: speaks frames over the loopback network, keeps everything it is sent. */
export class TestClient {
  readonly frames: Frame[] = [];
  /** Bytes that were no frames (an HTTP answer). */
  readonly raw: Buffer[] = [];
  /** The node ended the connection. */
  ended = false;
  readonly #cluster: Loopback;
  readonly #reader = new FrameReader(defaultLimits, plainChecksums);
  readonly #endpoint: Endpoint | null;
  #correlation = 0;

  constructor(cluster: Loopback, node: NodeId) {
    this.#cluster = cluster;
    this.#endpoint = cluster.connect(node, this);
    if (this.#endpoint === null) this.ended = true;
  }

  /** Connects and shakes hands. */
  static connect(cluster: Loopback, node: NodeId, channel: 'data' | 'control' = 'data'): TestClient {
    const client = new TestClient(cluster, node);
    client.hello({ channel });
    return client;
  }

  /** Connects and sends a hello without waiting for the answer; null when nobody listens. */
  static connectNow(cluster: Loopback, node: NodeId): TestClient | null {
    const client = new TestClient(cluster, node);
    if (client.ended) return null;
    client.#sendHello({});
    return client;
  }

  hello(changes: object = {}): void {
    this.#sendHello(changes);
    this.#cluster.quiet();
  }

  /** The answer to a batch, if it is there. */
  poll(correlation: number): Answer<ProduceAck> | null {
    const frame = this.frames.find(
      ({ kind, correlation: own }) =>
        (own === correlation && (kind === FrameKind.produceAck || kind === FrameKind.error)) ||
        (own === 0 && kind === FrameKind.error),
    );
    return frame === undefined ? null : readAnswer(frame);
  }

  #sendHello(changes: object): void {
    const hello = {
      protocolMin: 1,
      protocolMax: 1,
      role: 'client' as const,
      name: 'test',
      auth: 'none' as const,
      nonce: Buffer.alloc(16, 7),
      channel: 'data' as const,
      ...changes,
    };
    this.send(FrameKind.hello, 0, 0, encodeHello(hello));
  }

  closed(): void {
    this.ended = true;
  }

  received(chunk: Buffer): void {
    if (this.#reader.push(chunk, (frame) => this.frames.push(frame)) !== null) this.raw.push(chunk);
  }

  sendBytes(bytes: Buffer): void {
    if (this.#endpoint !== null) this.#cluster.send(this.#endpoint, bytes);
  }

  send(kind: FrameKindValue, correlation: number, group: number, covered: Buffer): void {
    this.sendBytes(encodeFrameHead(kind, correlation, group, covered, 0, plainChecksums));
  }

  /** The connection's id at the node. */
  get connection(): number {
    return this.#endpoint?.other?.id ?? 0;
  }

  disconnect(): void {
    if (this.#endpoint !== null) this.#cluster.close(this.#endpoint);
    this.ended = true;
  }

  /** The error frame that ended the handshake or the connection, if there was one. */
  get error(): VireoError | null {
    const frame = this.frames.find(({ kind, correlation }) => kind === FrameKind.error && correlation === 0);
    return frame === undefined ? null : readError(frame);
  }

  /** A control request and its answer, for which up to 12 s of ticks are run. */
  call<R extends ControlRequest>(request: R): Answer<ControlResponse<R['op']>> {
    const correlation = ++this.#correlation;
    this.send(FrameKind.request, correlation, 0, encodeRequest(request));
    const frame = this.#wait(correlation);
    if (frame.kind === FrameKind.error) return { ok: false, error: readError(frame) };
    const response = decodeResponse<R['op']>(request.op, payloadOf(frame));
    if (!response.ok) throw new Error(response.error.message);
    return { ok: true, value: response.value };
  }

  /** As `call`, for what has to succeed. */
  mustCall<R extends ControlRequest>(request: R): ControlResponse<R['op']> {
    const answer = this.call(request);
    if (!answer.ok) throw answer.error;
    return answer.value;
  }

  /** Sends a batch without waiting; returns its correlation. */
  startProduce(
    group: number,
    lane: { producerId: number; sequence: number },
    values: readonly string[],
    durability: DurabilityCodeValue = DurabilityCode.topic,
  ): number {
    const correlation = ++this.#correlation;
    const builder = new BatchBuilder(defaultLimits);
    for (const value of values) {
      const error = builder.add({ value }, 1_000);
      if (error !== null) throw new Error(error.message);
    }
    const bytes = builder.finish(
      { ...lane, producerEpoch: 0, codec: 0, room: PRODUCE_ROOM },
      { checksums: plainChecksums },
    );
    const fields = { durability, routingVersion: 0, stamp: 0, topicId: 1, partition: 0 };
    encodeProduceHead(bytes, correlation, group, fields, plainChecksums);
    this.sendBytes(bytes);
    return correlation;
  }

  /** Sends a batch and waits for its answer. */
  produce(
    group: number,
    lane: { producerId: number; sequence: number },
    values: readonly string[],
    durability: DurabilityCodeValue = DurabilityCode.topic,
  ): Answer<ProduceAck> {
    return this.produced(this.startProduce(group, lane, values, durability));
  }

  /** The answer to a batch that was sent before. */
  produced(correlation: number): Answer<ProduceAck> {
    return readAnswer(this.#wait(correlation));
  }

  subscribe(
    group: number,
    subscription: number,
    from: StartPosition,
    options: Partial<Omit<Subscribe, 'subscription' | 'from'>> = {},
  ): Answer<Subscribed> {
    const correlation = ++this.#correlation;
    const request: Subscribe = {
      creditBytes: 1 << 20,
      creditRecords: 10_000,
      consistency: 'committed',
      ...options,
      subscription,
      from,
    };
    this.send(FrameKind.subscribe, correlation, group, encodeSubscribe(request));
    const frame = this.#wait(correlation, FrameKind.subscribed);
    if (frame.kind === FrameKind.error) return { ok: false, error: readError(frame) };
    const subscribed = decodeSubscribed(payloadOf(frame));
    if (!subscribed.ok) throw new Error(subscribed.error.message);
    return subscribed;
  }

  /** Pushes of a subscription so far. */
  pushes(subscription: number): Batches[] {
    return this.frames
      .filter(({ kind, correlation }) => kind === FrameKind.batches && correlation === subscription)
      .map((frame) => {
        const batches = decodeBatches(frame);
        if (!batches.ok) throw new Error(batches.error.message);
        return batches.value;
      });
  }

  /** The last status of a subscription. */
  status(subscription: number): SubscriptionStatus | null {
    const frame = this.frames.findLast(
      ({ kind, correlation }) => kind === FrameKind.subscriptionStatus && correlation === subscription,
    );
    if (frame === undefined) return null;
    const status = decodeSubscriptionStatus(frame);
    if (!status.ok) throw new Error(status.error.message);
    return status.value;
  }

  /** Why the node has ended a subscription, if it has. */
  ending(subscription: number): VireoError | null {
    const frame = this.frames.find(
      ({ kind, correlation }) => kind === FrameKind.subscriptionEnd && correlation === subscription,
    );
    return frame === undefined ? null : readError(frame);
  }

  /** Records of a subscription so far: offset and value. */
  records(subscription: number): { offset: number; value: string }[] {
    return this.pushes(subscription).flatMap(({ body }) => readPrepares(body));
  }

  #wait(correlation: number, kind: FrameKindValue | null = null): Frame {
    const find = () =>
      this.frames.find(
        (frame) =>
          frame.correlation === correlation &&
          (frame.kind === FrameKind.error ||
            (kind === null
              ? frame.kind === FrameKind.response || frame.kind === FrameKind.produceAck
              : frame.kind === kind)),
      );
    this.#cluster.quiet();
    this.#cluster.run(1_200, () => find() !== undefined || this.ended);
    const frame = find();
    if (frame === undefined)
      throw new Error(`no answer to request ${correlation}${this.ended ? ', closed' : ''}`);
    return frame;
  }
}

function readAnswer(frame: Frame): Answer<ProduceAck> {
  if (frame.kind === FrameKind.error) return { ok: false, error: readError(frame) };
  const ack = decodeProduceAck(frame);
  if (!ack.ok) throw new Error(ack.error.message);
  return ack;
}

function payloadOf(frame: Frame): Buffer {
  return frame.payload.subarray(0, frame.covered);
}

function readError(frame: Frame): VireoError {
  const error = decodeError(payloadOf(frame));
  if (!error.ok) throw new Error(error.error.message);
  return error.value;
}

/** Walks prepares as stored; what is no batch is passed over, as clients do. */
function readPrepares(body: Buffer): { offset: number; value: string }[] {
  const records: { offset: number; value: string }[] = [];
  let position = 0;
  while (position < body.length) {
    const size = body.readUInt32LE(position + 112);
    const baseOffset = Number(body.readBigUInt64LE(position + 64));
    if (body[position + 116] === PrepareKind.batch) {
      const batch = body.subarray(position + PREPARE_HEADER_SIZE, position + size);
      const decoded = decodeBatch(batch, baseOffset, { checksums: plainChecksums, limits: defaultLimits });
      if (!decoded.ok) throw new Error(decoded.error.message);
      for (const { offset, value } of decoded.value) records.push({ offset, value: value.toString() });
    }
    position += size;
  }
  return records;
}
