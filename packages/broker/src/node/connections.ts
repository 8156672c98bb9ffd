import {
  type Checksums,
  type DecodeError,
  type ErrorCode,
  ErrorCodes,
  encodeError,
  encodeFrameHead,
  encodePayload,
  type Frame,
  FrameKind,
  type FrameKindValue,
  FrameReader,
  type Limits,
} from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import { Connection } from './connection.ts';
import type { Stats } from './stats.ts';
import type { ConnectionId, EventLog, NetworkEffects, PeerChannel } from './world.ts';

/** A handshake that takes longer is a half-open connection or a stranger. Milliseconds. */
export const HANDSHAKE_MS = 5_000;
/** A client that takes nothing of what is sent to it for so long is closed. Milliseconds. */
const NO_PROGRESS_MS = 300_000;
/** Unsent bytes of a client above which nothing more is pushed and its requests are not read. */
export const CLIENT_UNSENT_MAX = 8 * 1024 * 1024;
/** What a browser or curl shows that was pointed at this port. */
const HTTP_ANSWER =
  'HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n' +
  'notVireo: this port speaks the Vireo protocol over TCP, not HTTP; the HTTP gateway has a port of its own\n';

/** Where frames go once the bytes of a connection are cut into them. */
export interface ConnectionHandler {
  /** A frame of a connection whose handshake is not finished. */
  handshake(connection: Connection, frame: Frame): void;
  clientFrame(connection: Connection, frame: Frame): void;
  peerFrame(connection: Connection, frame: Frame): void;
  /** The connection is gone, whatever its state was; called once. */
  gone(connection: Connection): void;
}

/** What `Connections` is made of. */
interface ConnectionsOptions {
  readonly limits: Limits;
  readonly tickMs: number;
  readonly checksums: Checksums;
  readonly network: NetworkEffects;
  readonly log: EventLog;
  readonly stats: Stats;
}

/** All connections of the node: bytes to frames, answers to bytes, limits, pauses, timeouts. */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #handler: ConnectionHandler;
  readonly #byId = new Map<ConnectionId, Connection>();
  /** Connections that were handed bytes in this turn. */
  readonly #touched = new Set<Connection>();
  readonly #handshakeTicks: number;
  readonly #noProgressTicks: number;
  #tick = 0;
  #bytesInFlight = 0;

  constructor(options: ConnectionsOptions, handler: ConnectionHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#handshakeTicks = Math.ceil(HANDSHAKE_MS / options.tickMs);
    this.#noProgressTicks = Math.ceil(NO_PROGRESS_MS / options.tickMs);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Bytes of requests that were not answered yet, over all connections. */
  get bytesInFlight(): number {
    return this.#bytesInFlight;
  }

  all(): IterableIterator<Connection> {
    return this.#byId.values();
  }

  /** Takes up a connection; null (and closed) when there are too many already. */
  open(
    id: ConnectionId,
    dialed: { readonly peer: NodeId; readonly channel: PeerChannel } | null,
  ): Connection | null {
    const { limits, checksums, stats } = this.#options;
    // A control frame is bounded by its own limit below; the reader's bound is for the largest kind.
    const connection = new Connection(
      id,
      new FrameReader(limits, checksums),
      dialed,
      this.#tick,
      this.#handshakeTicks,
    );
    connection.onFrame = (frame) => this.#frame(connection, frame);
    this.#byId.set(id, connection);
    if (dialed !== null) return connection;
    stats.connectionsAccepted++;
    if (this.#byId.size > limits.nodeConnectionsMax) {
      this.reject(connection, 'overloaded', `the node has ${limits.nodeConnectionsMax} connections already`);
      return null;
    }
    return connection;
  }

  /** Bytes arrived. */
  received(id: ConnectionId, chunk: Buffer): void {
    const connection = this.#byId.get(id);
    if (connection === undefined) return;
    this.#options.stats.bytesReceived += chunk.length;
    const error = connection.reader.push(chunk, connection.onFrame);
    if (error !== null && !isClosed(connection)) this.#unreadable(connection, error);
  }

  /** The adapter says how many bytes of the connection have not left the process. */
  queued(id: ConnectionId, bytes: number): Connection | null {
    const connection = this.#byId.get(id);
    if (connection === undefined) return null;
    if (bytes < connection.queuedBytes || bytes === 0) connection.progressTick = this.#tick;
    connection.queuedBytes = bytes;
    this.#balance(connection);
    return connection;
  }

  /** The adapter says that the connection ended. */
  closed(id: ConnectionId): void {
    const connection = this.#byId.get(id);
    if (connection !== undefined) this.#forget(connection);
  }

  /** Once a tick: half-open handshakes, clients that read nothing. */
  tick(): void {
    const tick = ++this.#tick;
    // Both bounds are seconds: a walk over all connections ten times a second is fine enough.
    if (tick % 10 !== 0) return;
    for (const connection of this.#byId.values()) {
      if (connection.state !== 'ready') {
        if (tick < connection.deadlineTick) continue;
        this.#options.log.event('warn', 'connection.idle', {
          connection: connection.id,
          state: connection.state,
        });
        this.reject(connection, 'timeout', 'the handshake was not finished in time');
      } else if (
        connection.role === 'client' &&
        connection.queuedBytes > 0 &&
        tick - connection.progressTick > this.#noProgressTicks
      ) {
        this.reject(connection, 'timeout', 'nothing was read from the connection for too long');
      }
    }
  }

  /** End of a turn: what was handed over is the adapter's to report from now on. */
  settle(): void {
    for (const connection of this.#touched) connection.handedBytes = 0;
    this.#touched.clear();
  }

  /** Sends one frame: `covered` is under the frame's checksum, `body` follows as it is. */
  send(
    connection: Connection,
    kind: FrameKindValue,
    correlation: number,
    group: number,
    covered: Buffer,
    body: readonly Buffer[] | null = null,
  ): void {
    if (isClosed(connection)) return;
    let bodySize = 0;
    if (body !== null) for (const buffer of body) bodySize += buffer.length;
    const head = encodeFrameHead(kind, correlation, group, covered, bodySize, this.#options.checksums);
    this.#hand(connection, body === null ? [head] : [head, ...body], head.length + bodySize);
  }

  /** Sends a frame that was encoded by its own function: `bytes` in all. */
  sendRaw(connection: Connection, buffers: readonly Buffer[], bytes: number): void {
    if (!isClosed(connection)) this.#hand(connection, buffers, bytes);
  }

  /** Whether the connection has as many requests, or bytes of them, in flight as it may; `times`: so often as many. */
  isOver(connection: Connection, times = 1): boolean {
    const { limits } = this.#options;
    return (
      connection.requestsInFlight >= times * limits.connectionRequestsMax ||
      connection.bytesInFlight >= times * limits.connectionBytesInFlightMax
    );
  }

  /** Sends a frame whose payload is MessagePack. */
  sendControl(
    connection: Connection,
    kind: FrameKindValue,
    correlation: number,
    group: number,
    value: object,
  ): void {
    this.send(connection, kind, correlation, group, encodePayload(value));
  }

  /** Answers a request with an error of the table. */
  sendError(
    connection: Connection,
    correlation: number,
    group: number,
    code: ErrorCode,
    message?: string,
    details?: Record<string, unknown>,
  ): void {
    const payload = encodeError({ code, message: message ?? ErrorCodes[code].message, details });
    this.send(connection, FrameKind.error, correlation, group, payload);
  }

  /** A request came in and holds `bytes` until `finished`. */
  started(connection: Connection, bytes: number): void {
    connection.requestsInFlight++;
    connection.bytesInFlight += bytes;
    this.#bytesInFlight += bytes;
    this.#balance(connection);
  }

  /** The request was answered (or its connection is gone). */
  finished(connection: Connection, bytes: number): void {
    connection.requestsInFlight--;
    connection.bytesInFlight -= bytes;
    this.#bytesInFlight -= bytes;
    this.#balance(connection);
  }

  /** Says why, closes, and forgets. */
  reject(connection: Connection, code: ErrorCode, message: string, details?: Record<string, unknown>): void {
    const { log, stats } = this.#options;
    stats.connectionsRejected++;
    log.event(connection.role === 'peer' ? 'warn' : 'info', 'connection.rejected', {
      connection: connection.id,
      role: connection.role,
      name: connection.name,
      code,
      message,
    });
    this.sendError(connection, 0, 0, code, message, details);
    this.close(connection, code);
  }

  /** Closes after what was sent has left. */
  close(connection: Connection, reason: string): void {
    if (isClosed(connection)) return;
    this.#options.network.close(connection.id, reason);
    this.#forget(connection);
  }

  #forget(connection: Connection): void {
    if (isClosed(connection)) return;
    this.#byId.delete(connection.id);
    this.#touched.delete(connection);
    connection.state = 'closed';
    this.#handler.gone(connection);
  }

  #frame(connection: Connection, frame: Frame): void {
    if (isClosed(connection)) return;
    this.#options.stats.framesReceived++;
    if (connection.state !== 'ready') this.#handler.handshake(connection, frame);
    else if (connection.role === 'peer') this.#handler.peerFrame(connection, frame);
    else this.#handler.clientFrame(connection, frame);
  }

  #unreadable(connection: Connection, error: DecodeError): void {
    if (error.code === 'notVireo') {
      this.#hand(connection, [Buffer.from(HTTP_ANSWER, 'latin1')], HTTP_ANSWER.length);
      this.#options.stats.connectionsRejected++;
      this.#options.log.event('info', 'connection.rejected', {
        connection: connection.id,
        code: error.code,
        message: error.message,
      });
      this.close(connection, error.code);
      return;
    }
    this.reject(connection, error.code, error.message);
  }

  /** Bytes were handed to the adapter for this connection by somebody else. */
  handed(connection: Connection, bytes: number): void {
    connection.handedBytes += bytes;
    this.#touched.add(connection);
  }

  #hand(connection: Connection, buffers: readonly Buffer[], bytes: number): void {
    this.handed(connection, bytes);
    this.#options.network.send(connection.id, buffers);
  }

  /** Pauses a client that is over a bound, resumes it below half of all of them. A peer is never paused. */
  #balance(connection: Connection): void {
    if (connection.role !== 'client' || connection.control || isClosed(connection)) return;
    const { limits, network, stats } = this.#options;
    const share = Math.max(
      connection.requestsInFlight / limits.connectionRequestsMax,
      connection.bytesInFlight / limits.connectionBytesInFlightMax,
      connection.queuedBytes / CLIENT_UNSENT_MAX,
      // One client in flight over the node's bound is enough to stop reading it: it frees itself by its answers.
      connection.bytesInFlight === 0 ? 0 : this.#bytesInFlight / limits.nodeBytesInFlightMax,
    );
    if (!connection.paused && share >= 1) {
      connection.paused = true;
      stats.pauses++;
      network.pause(connection.id);
    } else if (connection.paused && share < 0.5) {
      connection.paused = false;
      network.resume(connection.id);
    }
  }
}

/** A function, so that control flow analysis does not carry an earlier answer over a call that may close. */
export function isClosed(connection: Connection): boolean {
  return connection.state === 'closed';
}
