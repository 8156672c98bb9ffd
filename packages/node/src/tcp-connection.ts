import type { Socket } from 'node:net';
import type { ConnectionId } from '@vireo/broker';
import type { FrameAligner } from './frame-aligner.ts';
import type { NetworkEvents } from './node-core.ts';

/** How long a closing connection may take to deliver its last frames, which say why. Milliseconds. */
const CLOSE_MS_MAX = 1_000;
/** Unsent bytes at which the core wants to be told, up and down. */
const UNSENT_MARK = 1 << 20;
/** First keep-alive probe after so long without a byte: finds a peer whose machine vanished. Milliseconds. */
export const KEEP_ALIVE_MS = 5_000;

/**
 * One TCP connection. What is sent within a turn stays corked and leaves as one `writev`; buffers are handed to
 * the socket as they are and never copied.
 */
export class TcpConnection {
  readonly id: ConnectionId;
  readonly #socket: Socket;
  readonly #events: NetworkEvents;
  readonly #gone: (connection: TcpConnection) => void;
  readonly #onWritten = () => this.#written();
  #corked = false;
  #closing = false;
  /** Unsent bytes as last reported to the core. */
  #reportedBytes = 0;
  #closeTimer: NodeJS.Timeout | null = null;

  /**
   * `gone` is called once, when the socket has closed for whatever reason. `aligner`: what the socket reads into,
   * null where it reads as Node pleases.
   */
  constructor(
    id: ConnectionId,
    socket: Socket,
    events: NetworkEvents,
    gone: (connection: TcpConnection) => void,
    aligner: FrameAligner | null,
  ) {
    this.id = id;
    this.#socket = socket;
    this.#events = events;
    this.#gone = gone;
    const received = (chunk: Buffer) => {
      if (!this.#closing) events.received(id, chunk);
    };
    if (aligner === null) socket.on('data', received);
    else aligner.emit = received;
    socket.resume();
    // 'close' follows every error and carries all that the core needs to know.
    socket.on('error', () => {});
    socket.on('close', () => {
      if (this.#closeTimer !== null) clearTimeout(this.#closeTimer);
      const byCore = this.#closing;
      this.#closing = true;
      this.#gone(this);
      if (!byCore) events.closed(id);
    });
  }

  /** Bytes handed over that have not left the process. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  /** @returns true when this is the connection's first write of the turn: `flush` is to be called at its end. */
  send(buffers: readonly Buffer[]): boolean {
    if (this.#closing) return false;
    const socket = this.#socket;
    const first = !this.#corked;
    if (first) {
      this.#corked = true;
      socket.cork();
    }
    let callback: (() => void) | undefined = first ? this.#onWritten : undefined;
    for (let index = 0; index < buffers.length; index++) {
      const buffer = buffers[index] as Buffer;
      if (buffer.length === 0) continue;
      // One callback a span is enough to see the queue shrink.
      socket.write(buffer, callback);
      callback = undefined;
    }
    return first;
  }

  /** End of a turn: what was sent in it leaves, and the core hears what could not. */
  flush(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
    if (this.#closing) this.#socket.end();
    else this.#report(this.#socket.writableLength);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#closing) this.#socket.resume();
  }

  /**
   * Closes after what was sent has left. Input is read on and dropped until then: closing a socket with unread
   * input resets the connection, and the reset would destroy the last frame on its way.
   */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#socket.resume();
    if (!this.#corked) this.#socket.end();
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), CLOSE_MS_MAX);
  }

  /** Closes at once. */
  destroy(): void {
    this.#closing = true;
    this.#socket.destroy();
  }

  /** A span has left. Reported in halves: an event for each of many small writes would be one too many. */
  #written(): void {
    if (this.#closing || this.#reportedBytes === 0) return;
    const bytes = this.#socket.writableLength;
    const crossed = this.#reportedBytes >= UNSENT_MARK && bytes < UNSENT_MARK;
    if (crossed || bytes <= this.#reportedBytes / 2) this.#report(bytes);
  }

  #report(bytes: number): void {
    if (bytes === this.#reportedBytes) return;
    this.#reportedBytes = bytes;
    this.#events.queued(this.id, bytes);
  }
}
