import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import type { ConnectionId, PeerChannel } from '@vireo/broker';
import type { NodeId } from '@vireo/vsr';
import type { TurnClock } from './clock.ts';
import { EventTrace } from './event-trace.ts';
import type { NetworkEvents, NodeCore } from './node-core.ts';

/** What `TurnLoop` is made of. */
interface TurnLoopOptions {
  readonly clock: TurnClock;
  /** Milliseconds between two ticks. */
  readonly tickMs: number;
  /** After each settle: writes of the turn leave. */
  readonly flush: () => void;
  /** The core threw: it must not be called again, and is not. Called once. */
  readonly failed: (error: unknown) => void;
}

/**
 * Drives the core in turns: everything that one turn of the event loop brings (frames, disk completions, a
 * tick) goes in first, then `settle` once, by `setImmediate`, which runs right after the loop has polled for
 * I/O. So one journal flush and one write per connection serve all that arrived together.
 *
 * An exception out of the core is a broken promise of its code, never a matter of input. The core is not
 * called again after one.
 */
export class TurnLoop implements NetworkEvents {
  readonly trace = new EventTrace();
  /** How late ticks were, in microseconds (1: on time). */
  readonly lag: RecordableHistogram = createHistogram();
  readonly #options: TurnLoopOptions;
  readonly #settle = () => this.#endTurn();
  #core: NodeCore | null = null;
  #inTurn = false;
  #timer: NodeJS.Timeout | null = null;
  #tickedMs = 0;
  #lastLagMs = 0;

  constructor(options: TurnLoopOptions) {
    this.#options = options;
  }

  /** From now on events go to `core`. Before, and after `stop`, they are dropped. */
  start(core: NodeCore): void {
    this.#core = core;
    this.#tickedMs = performance.now();
    this.#timer = setInterval(() => this.#tick(), this.#options.tickMs);
  }

  /** No event reaches the core any more. */
  stop(): void {
    this.#core = null;
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** How late the latest tick was, in milliseconds. */
  get lagMs(): number {
    return this.#lastLagMs;
  }

  /** Runs a call into the core as an event of the current turn: completions of the disk, requests of the process. */
  run(name: string, action: () => void): void {
    if (this.#enter(name, -1, -1) === null) return;
    try {
      action();
    } catch (error) {
      this.#fail(error);
    }
  }

  accepted(connection: ConnectionId): void {
    const core = this.#enter('accepted', connection, -1);
    try {
      core?.accepted(connection);
    } catch (error) {
      this.#fail(error);
    }
  }

  dialed(connection: ConnectionId, peer: NodeId, channel: PeerChannel): void {
    const core = this.#enter('dialed', connection, peer);
    try {
      core?.dialed(connection, peer, channel);
    } catch (error) {
      this.#fail(error);
    }
  }

  dialFailed(peer: NodeId, channel: PeerChannel, refused: boolean): void {
    const core = this.#enter('dialFailed', -1, peer);
    try {
      core?.dialFailed(peer, channel, refused);
    } catch (error) {
      this.#fail(error);
    }
  }

  received(connection: ConnectionId, chunk: Buffer): void {
    const core = this.#enter('received', connection, chunk.length);
    try {
      core?.received(connection, chunk);
    } catch (error) {
      this.#fail(error);
    }
  }

  queued(connection: ConnectionId, bytes: number): void {
    const core = this.#enter('queued', connection, bytes);
    try {
      core?.queued(connection, bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  closed(connection: ConnectionId): void {
    const core = this.#enter('closed', connection, -1);
    try {
      core?.closed(connection);
    } catch (error) {
      this.#fail(error);
    }
  }

  #tick(): void {
    const core = this.#enter('tick', -1, -1);
    const nowMs = this.#options.clock.monotonicMs();
    this.#lastLagMs = Math.max(0, nowMs - this.#tickedMs - this.#options.tickMs);
    this.#tickedMs = nowMs;
    this.lag.record(Math.max(1, Math.round(this.#lastLagMs * 1000)));
    try {
      core?.tick();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The core if it may be called; opens a turn if none is open. */
  #enter(name: string, first: number, second: number): NodeCore | null {
    if (this.#core === null) return null;
    if (!this.#inTurn) {
      this.#inTurn = true;
      this.#options.clock.refresh();
      setImmediate(this.#settle);
    }
    this.trace.record(name, this.#options.clock.monotonicMs(), first, second);
    return this.#core;
  }

  #endTurn(): void {
    this.#inTurn = false;
    try {
      this.#core?.settle();
    } catch (error) {
      this.#fail(error);
    }
    this.#options.flush();
  }

  #fail(error: unknown): void {
    if (this.#core === null) return;
    this.stop();
    this.#options.failed(error);
  }
}
