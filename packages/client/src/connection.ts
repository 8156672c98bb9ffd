import net from 'node:net';
import {
  type ControlOp,
  type ControlRequest,
  type ControlResponse,
  decodeError,
  decodeResponse,
  type ErrorCode,
  encodeFrameHead,
  encodeRequest,
  type Frame,
  FrameKind,
  type FrameKindValue,
  FrameReader,
  type Limits,
  type Outcome,
  VireoError,
  type Welcome,
} from '@vireo/protocol';
import { type Address, formatAddress } from './addresses.ts';
import type { Call } from './call.ts';
import { checksums } from './checksums.ts';
import { type ConnectionOptions, type FrameListener, NOT_FOUNDED } from './connection-options.ts';
import { encodeClientHello, readWelcome } from './handshake.ts';
import { Silence, TICK_MS } from './silence.ts';

type State = 'handshake' | 'ready' | 'closed';

const NONE = Buffer.alloc(0);
/** The kernel's own question to an idle peer, ms. */
const KEEPALIVE_MS = 5_000;

/**
 * One TCP connection to one node, after its handshake. Frames leave in one write per turn of the event loop.
 * Garbage from the other side ends the connection with a typed error; whoever needs it dials anew.
 */
export class Connection {
  readonly address: Address;
  readonly #socket: net.Socket;
  readonly #reader: FrameReader;
  readonly #limits: Limits;
  /** One answer each, then released. */
  readonly #answers = new Map<number, FrameListener>();
  /** Subscriptions: any number of frames, until `unlisten`. */
  readonly #streams = new Map<number, FrameListener>();
  readonly #closing = new Set<(error: VireoError) => void>();
  #state: State = 'handshake';
  #correlation = 0;
  #corked = false;
  #ticker: NodeJS.Timeout | undefined;
  readonly #silence = new Silence();
  #goingAway = false;
  #error: VireoError | null = null;
  #welcome: Welcome | null = null;
  #onWelcome: ((error: VireoError | null) => void) | null = null;
  /** From hello to welcome, ms: how near the node is. */
  handshakeMs = 0;

  private constructor(address: Address, socket: net.Socket, limits: Limits) {
    this.address = address;
    this.#socket = socket;
    this.#limits = limits;
    this.#reader = new FrameReader({ frameBytesMax: limits.frameBytesMax }, checksums);
  }

  /** Dials and shakes hands. Rejects with `connectFailed`, `unsupportedVersion`, `clusterMismatch` or what the node says. */
  static async open(address: Address, options: ConnectionOptions): Promise<Connection> {
    const socket = net.connect({ host: address.host, port: address.port, noDelay: true });
    socket.setKeepAlive(true, KEEPALIVE_MS);
    const connection = new Connection(address, socket, options.limits);
    const started = new Promise<void>((resolve, reject) => {
      connection.#onWelcome = (error) => (error === null ? resolve() : reject(error));
    });
    let helloAt = 0;
    const timer = setTimeout(() => {
      connection.#close(new VireoError('connectFailed', `no answer from ${formatAddress(address)} in time`));
    }, options.connectTimeoutMs);
    const onClosing = (): void => connection.close();
    options.closing.addEventListener('abort', onClosing);
    if (options.closing.aborted) onClosing();
    socket.on('connect', () => {
      helloAt = performance.now();
      connection.#write(FrameKind.hello, 0, 0, encodeClientHello(options));
    });
    socket.on('data', (chunk: Buffer) => connection.#received(chunk));
    socket.on('error', (cause) => connection.#lost(cause));
    socket.on('close', () => connection.#lost(undefined));
    try {
      await started;
    } finally {
      clearTimeout(timer);
      options.closing.removeEventListener('abort', onClosing);
    }
    connection.handshakeMs = performance.now() - helloAt;
    const { cluster } = connection.welcome;
    if (options.cluster !== null && cluster !== NOT_FOUNDED && cluster !== options.cluster) {
      const error = new VireoError(
        'clusterMismatch',
        `${formatAddress(address)} belongs to cluster ${cluster}`,
      );
      connection.#close(error);
      throw error;
    }
    return connection;
  }

  /** What the node said of itself. */
  get welcome(): Welcome {
    if (this.#welcome === null) throw new VireoError('internal', 'the handshake is not over');
    return this.#welcome;
  }

  get node(): number {
    return this.welcome.node;
  }

  get closed(): boolean {
    return this.#state === 'closed';
  }

  /** The node has said that it stops: nothing new goes here if there is another place. */
  get goingAway(): boolean {
    return this.#goingAway;
  }

  /** Requests without an answer. */
  get unanswered(): number {
    return this.#answers.size;
  }

  /** Bytes handed to the socket that the kernel has not taken. */
  get bytesQueued(): number {
    return this.#socket.writableLength;
  }

  /** `listener` is called once, when the connection ends for whatever reason. Returns how to take it back. */
  onClose(listener: (error: VireoError) => void): () => void {
    this.#closing.add(listener);
    return () => this.#closing.delete(listener);
  }

  /** Registers for one answer; the id belongs into the frame that asks. */
  expect(listener: FrameListener): number {
    return this.#register(this.#answers, listener);
  }

  /** Registers for all frames of a new id. */
  listen(listener: FrameListener): number {
    return this.#register(this.#streams, listener);
  }

  #register(listeners: Map<number, FrameListener>, listener: FrameListener): number {
    const correlation = ++this.#correlation;
    const error = this.#error;
    // Closed in between: told like all others, but not from within its own call.
    if (error !== null) queueMicrotask(() => listener.failed(error, true));
    else listeners.set(correlation, listener);
    return correlation;
  }

  /** Stops listening; what comes late is ignored. */
  release(correlation: number): void {
    this.#answers.delete(correlation);
    this.#streams.delete(correlation);
  }

  /**
   * Sends one control request and waits for its answer. `outcome` is what the caller is told if the call ends
   * before: `unknown` where the request may take effect all the same.
   */
  async request<Op extends ControlOp>(
    request: Extract<ControlRequest, { op: Op }>,
    call: Call,
    outcome: Outcome,
  ): Promise<ControlResponse<Op>> {
    call.throwIfOver();
    if (this.#error !== null) throw notSent(this.#error);
    if (this.#answers.size >= this.#limits.connectionRequestsMax) {
      throw new VireoError('overloaded', `${this.#answers.size} requests are unanswered on this connection`);
    }
    let correlation = 0;
    try {
      const frame = await call.wait(
        new Promise<Frame>((resolve, reject) => {
          correlation = this.expect({ received: resolve, failed: reject });
          this.#write(FrameKind.request, correlation, 0, encodeRequest(request));
        }),
        outcome,
      );
      const response = decodeResponse(request.op, frame.payload);
      if (response.ok) return response.value;
      this.#garbage(response.error.code, response.error.message);
      throw new VireoError(response.error.code, response.error.message, { outcome });
    } finally {
      this.release(correlation);
    }
  }

  /** Sends a small frame whose payload is covered in full. */
  sendCovered(kind: FrameKindValue, correlation: number, group: number, covered: Uint8Array): void {
    if (this.#state === 'ready') this.#write(kind, correlation, group, covered);
  }

  /** Sends buffers that together are whole frames; they must not be written afterwards. */
  send(bytes: Buffer): void {
    if (this.#state === 'closed') return;
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    this.#socket.write(bytes);
  }

  /** Ends it; everything that is awaited fails with `error` (default `closed`). */
  close(error: VireoError = new VireoError('closed', 'the client was closed', { outcome: 'unknown' })): void {
    this.#close(error);
  }

  readonly #uncork = (): void => {
    this.#corked = false;
    this.#socket.uncork();
  };

  #write(kind: FrameKindValue, correlation: number, group: number, covered: Uint8Array): void {
    this.send(encodeFrameHead(kind, correlation, group, covered, 0, checksums));
  }

  #received(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    this.#silence.heard();
    const error = this.#reader.push(chunk, this.#onFrame);
    if (error !== null) this.#garbage(error.code, error.message);
  }

  readonly #onFrame = (frame: Frame): void => {
    if (this.#state === 'closed') return;
    if (this.#state === 'handshake') {
      this.#handshake(frame);
      return;
    }
    switch (frame.kind) {
      case FrameKind.ping:
        this.#write(FrameKind.pong, frame.correlation, 0, NONE);
        return;
      case FrameKind.pong:
        return;
      case FrameKind.goingAway:
        this.#goingAway = true;
        return;
      case FrameKind.error: {
        const failure = decodeError(frame.payload);
        if (!failure.ok) this.#garbage(failure.error.code, failure.error.message);
        // Id 0 is nobody's request: the node speaks of the connection as a whole.
        else if (frame.correlation === 0) this.#refusedByNode(failure.value);
        else this.#take(frame.correlation)?.failed(failure.value, false);
        return;
      }
      case FrameKind.response:
      case FrameKind.produceAck:
        this.#take(frame.correlation)?.received(frame);
        return;
      case FrameKind.subscribed:
      case FrameKind.batches:
      case FrameKind.subscriptionStatus:
      case FrameKind.subscriptionEnd:
        this.#streams.get(frame.correlation)?.received(frame);
        return;
      default:
        this.#garbage('unknownKind', `a frame of kind ${frame.kind} is not for clients`);
    }
  };

  #take(correlation: number): FrameListener | undefined {
    const listener = this.#answers.get(correlation);
    if (listener === undefined) return this.#streams.get(correlation);
    this.#answers.delete(correlation);
    return listener;
  }

  #handshake(frame: Frame): void {
    const answer = readWelcome(frame);
    if (answer.type === 'refused') this.#close(answer.error);
    else if (answer.type === 'garbage') this.#garbage(answer.code, answer.message);
    else {
      this.#welcome = answer.welcome;
      this.#state = 'ready';
      this.#ticker = setInterval(this.#tick, TICK_MS);
      this.#onWelcome?.(null);
    }
  }

  /** What is in flight has no answer of its own: to it, this is a lost connection. */
  #refusedByNode(cause: VireoError): void {
    const text = `${formatAddress(this.address)} ended the connection: ${cause.message}`;
    this.#close(new VireoError('connectionLost', text, { cause, details: { code: cause.code } }));
  }

  readonly #tick = (): void => {
    const verdict = this.#silence.tick(this.#answers.size + this.#streams.size > 0);
    if (verdict === 'ask') this.#write(FrameKind.ping, 0, 0, NONE);
    if (verdict !== 'lost') return;
    const text = `${formatAddress(this.address)} has fallen silent`;
    this.#close(new VireoError('connectionLost', text, { details: { code: 'timeout' } }));
  };

  #garbage(code: ErrorCode, message: string): void {
    const cause = new VireoError(code, message);
    const text = `${formatAddress(this.address)} sent what is not the Vireo protocol: ${message}`;
    // To what was in flight this is a lost connection: whether it took effect is not known.
    if (this.#state === 'handshake') this.#close(new VireoError('notVireo', text, { cause }));
    else this.#close(new VireoError('connectionLost', text, { cause, details: { code } }));
  }

  #lost(cause: Error | undefined): void {
    const where = formatAddress(this.address);
    const why = cause === undefined ? 'closed' : cause.message;
    if (this.#state === 'handshake') {
      this.#close(new VireoError('connectFailed', `cannot connect to ${where}: ${why}`, { cause }));
    } else {
      this.#close(new VireoError('connectionLost', `the connection to ${where} was lost: ${why}`, { cause }));
    }
  }

  #close(error: VireoError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#error = error;
    clearInterval(this.#ticker);
    this.#socket.destroy();
    this.#onWelcome?.(error);
    const listeners = [...this.#answers.values(), ...this.#streams.values()];
    this.#answers.clear();
    this.#streams.clear();
    for (const listener of listeners) listener.failed(error, true);
    for (const listener of this.#closing) listener(error);
    this.#closing.clear();
  }
}

/** The same error for a request that never left. */
function notSent(error: VireoError): VireoError {
  return new VireoError(error.code, error.message, { outcome: 'notApplied', retryable: true, cause: error });
}
