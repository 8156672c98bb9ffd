import {
  type ControlOp,
  type ControlRequest,
  type ControlResponse,
  decodeError,
  decodeResponse,
  decodeWelcome,
  encodeFrameHead,
  encodeHello,
  encodeRequest,
  type Frame,
  FrameKind,
  type FrameKindValue,
  FrameReader,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  type ReadToken,
  type VireoError,
} from '@vireo/protocol';
import type { Prng } from '../world/prng.ts';
import type { Scheduler } from '../world/scheduler.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import type { Endpoint, SimNetwork } from '../world/sim-network.ts';

/** What clients need of the world. */
export interface ClientWorld {
  readonly scheduler: Scheduler;
  readonly network: SimNetwork;
  readonly nodes: number;
  /** By group the last op that some client was told of as acked. */
  readonly acked: Map<number, ReadToken>;
  /** Metadata has said that acked ops of it may be gone: among them may be those that registered sessions. */
  mayHaveLostSessions(): boolean;
  /** The client saw something that no correct node sends: the error to throw, which ends the run. */
  broken(client: string, message: string): Error;
}

/** How one attempt ended: an answer frame, a definite or indefinite error, or nothing. */
export type Answer =
  | { readonly type: 'frame'; readonly frame: Frame }
  | { readonly type: 'error'; readonly error: VireoError }
  | { readonly type: 'none' };

interface Pending {
  readonly done: (answer: Answer) => void;
  readonly deadline: number;
}

const retryAfter = 30_000;
/** Silence after which an attempt is given up and its connection with it. */
const answerTimeout = 1_500_000;
const handshakeTimeout = 1_000_000;

/**
 * A client's connection to one node, dialed again when it is wanted and gone. An attempt is answered exactly
 * once; after a timeout the connection is closed, so that no answer can come late and be taken for another's.
 */
export class Link implements Endpoint {
  readonly node: number;
  readonly #client: number;
  readonly #name: string;
  readonly #world: ClientWorld;
  readonly #random: Prng;
  readonly #onPush: (frame: Frame) => void;
  readonly #pending = new Map<number, Pending>();
  #state: 'closed' | 'dialing' | 'hello' | 'ready' = 'closed';
  #connection = -1;
  #reader: FrameReader | null = null;
  #correlation = 0;
  #wakeAt = 0;
  #opened = 0;

  constructor(
    client: number,
    name: string,
    node: number,
    world: ClientWorld,
    random: Prng,
    onPush: (frame: Frame) => void,
  ) {
    this.#client = client;
    this.#name = name;
    this.node = node;
    this.#world = world;
    this.#random = random;
    this.#onPush = onPush;
  }

  /** Whether frames can be sent now; if not, a connection is being made. */
  get ready(): boolean {
    if (this.#state === 'ready') return true;
    const { scheduler, network } = this.#world;
    if (this.#state === 'closed' && scheduler.now >= this.#wakeAt) {
      this.#state = 'dialing';
      network.dial(this.#client, this, this.node, 'data');
    }
    return false;
  }

  /** Counts connections: a new one has no subscriptions of the one before. */
  get opened(): number {
    return this.#opened;
  }

  /** A frame that will be answered under its correlation. Only when `ready`. */
  call(make: (correlation: number) => readonly Buffer[], done: (answer: Answer) => void): void {
    this.#correlation += 1;
    const correlation = this.#correlation;
    const deadline = this.#world.scheduler.now + answerTimeout;
    this.#pending.set(correlation, { done, deadline });
    this.#world.network.send(this.#connection, make(correlation));
    this.#world.scheduler.at(deadline, () => {
      if (this.#pending.get(correlation)?.deadline === deadline) this.close();
    });
  }

  /** A frame without an answer of its own. */
  send(buffers: readonly Buffer[]): void {
    if (this.#state === 'ready') this.#world.network.send(this.#connection, buffers);
  }

  /** A control request; `done` gets the response or why there is none. */
  control<Op extends ControlOp>(
    request: Extract<ControlRequest, { readonly op: Op }>,
    done: (response: ControlResponse<Op> | null, error: VireoError | null) => void,
  ): void {
    const payload = encodeRequest(request);
    this.call(
      (correlation) => [encodeFrameHead(FrameKind.request, correlation, 0, payload, 0, simChecksums)],
      (answer) => {
        if (answer.type !== 'frame') {
          done(null, answer.type === 'error' ? answer.error : null);
          return;
        }
        const response = decodeResponse<Op>(request.op, answer.frame.payload);
        if (response.ok) done(response.value, null);
        else
          throw this.#world.broken(this.#name, `${request.op} was answered with ${response.error.message}`);
      },
    );
  }

  close(): void {
    if (this.#state === 'closed') return;
    if (this.#connection >= 0) this.#world.network.close(this.#connection);
    this.#lose();
  }

  accepted(): void {
    throw new Error('nobody dials a client');
  }

  dialed(connection: number): void {
    this.#connection = connection;
    this.#state = 'hello';
    this.#reader = new FrameReader({ frameBytesMax: 16 * 1024 * 1024 }, simChecksums);
    const hello = encodeHello({
      protocolMin: PROTOCOL_MIN,
      protocolMax: PROTOCOL_MAX,
      role: 'client',
      name: this.#name,
      auth: 'none',
      nonce: this.#random.bytes(16),
      channel: 'data',
    });
    this.#world.network.send(connection, [encodeFrameHead(FrameKind.hello, 0, 0, hello, 0, simChecksums)]);
    this.#world.scheduler.after(handshakeTimeout, () => {
      if (this.#connection === connection && this.#state === 'hello') this.close();
    });
  }

  dialFailed(): void {
    this.#lose();
  }

  received(connection: number, chunk: Buffer): void {
    if (connection !== this.#connection) return;
    const reader = this.#reader;
    const error = reader?.push(chunk, (frame) => {
      if (this.#reader === reader) this.#frame(frame);
    });
    if (error)
      throw this.#world.broken(this.#name, `node ${this.node} sent an unreadable frame: ${error.message}`);
  }

  closed(connection: number): void {
    if (connection === this.#connection) this.#lose();
  }

  #frame(frame: Frame): void {
    if (this.#state === 'hello') {
      if (frame.kind === FrameKind.error) {
        // A node that is not founded yet, or is stopping: try again later.
        this.close();
        return;
      }
      const welcome = decodeWelcome(frame.payload);
      if (frame.kind !== FrameKind.welcome || !welcome.ok || welcome.value.node !== this.node) {
        throw this.#world.broken(
          this.#name,
          `node ${this.node} answered hello with frame kind ${frame.kind}`,
        );
      }
      this.#state = 'ready';
      this.#opened += 1;
      return;
    }
    if (!isAnswer(frame.kind) || (frame.kind === FrameKind.error && frame.correlation === 0)) {
      this.#onPush(frame);
      return;
    }
    const pending = this.#pending.get(frame.correlation);
    if (pending === undefined) {
      throw this.#world.broken(
        this.#name,
        `node ${this.node} answered ${frame.correlation}, which was not asked or is answered`,
      );
    }
    this.#pending.delete(frame.correlation);
    if (frame.kind !== FrameKind.error) {
      pending.done({ type: 'frame', frame });
      return;
    }
    const error = decodeError(frame.payload);
    if (error.ok) pending.done({ type: 'error', error: error.value });
    else
      throw this.#world.broken(
        this.#name,
        `node ${this.node} sent an error that does not decode: ${error.error.message}`,
      );
  }

  #lose(): void {
    this.#state = 'closed';
    this.#connection = -1;
    this.#reader = null;
    this.#wakeAt = this.#world.scheduler.now + this.#random.between(retryAfter, retryAfter * 3);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    for (const { done } of pending) done({ type: 'none' });
  }
}

function isAnswer(kind: FrameKindValue): boolean {
  return (
    kind === FrameKind.response ||
    kind === FrameKind.error ||
    kind === FrameKind.produceAck ||
    kind === FrameKind.subscribed
  );
}

/** Repeats a control request at one node after another until one gives a definite answer. */
export function insist<Op extends ControlOp>(
  world: ClientWorld,
  links: readonly Link[],
  random: Prng,
  request: Extract<ControlRequest, { readonly op: Op }>,
  done: (response: ControlResponse<Op> | null, error: VireoError | null) => void,
): void {
  let turn = random.below(links.length);
  const again = () => world.scheduler.after(random.between(20_000, 60_000), attempt);
  const attempt = (): void => {
    const link = links[turn % links.length]!;
    if (!link.ready) {
      // Not for ever at one node that is down.
      if (random.chance(200)) turn += 1;
      again();
      return;
    }
    link.control<Op>(request, (response, error) => {
      if (response !== null) {
        done(response, null);
        return;
      }
      if (error !== null && !error.retryable && error.outcome === 'notApplied') {
        done(null, error);
        return;
      }
      const primary = error?.details?.primary;
      turn = typeof primary === 'number' ? primary : turn + 1;
      again();
    });
  };
  attempt();
}
