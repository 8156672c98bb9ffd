import { FrameKind } from '@vireo/protocol';
import type { Connections } from './connections.ts';
import type { FoundedNode } from './founded-node.ts';

/** Bounds of the phases, milliseconds; all of them together stay below ten seconds. */
const HAND_OVER_MS = 3_000;
const FINISH_MS = 2_000;
const SYNC_MS = 3_000;
/** Ticks after which a primary that is still one says again that it goes. */
const ABDICATE_AGAIN_TICKS = 30;

type Phase = 'handOver' | 'finish' | 'sync' | 'closed';

interface StoppingOptions {
  readonly tickMs: number;
  readonly connections: Connections;
  /** Null when the cluster is not founded. */
  readonly node: FoundedNode | null;
  /** The connections are about to be closed: no more dials. */
  closing(): void;
  done(): void;
}

/**
 * A graceful stop, tick by tick: tell the clients, hand over what this node leads, let what is in flight end,
 * write a checkpoint so that the next start replays little, sync, close. Each phase has a bound; what is not done
 * by then is what a crash would have left, which is safe as well.
 */
export class Stopping {
  readonly #options: StoppingOptions;
  #phase: Phase = 'handOver';
  #ticks = 0;
  #synced = false;

  constructor(options: StoppingOptions) {
    this.#options = options;
    const { connections } = options;
    for (const connection of connections.all()) {
      if (connection.role !== 'client' || connection.state !== 'ready') continue;
      connections.sendControl(connection, FrameKind.goingAway, 0, 0, {
        code: 'goingAway',
        message: 'the node stops',
      });
    }
    this.#abdicate();
  }

  tick(): void {
    this.#ticks++;
    if (this.#phase === 'handOver') {
      if (this.#leadsNothing() || this.#over(HAND_OVER_MS)) this.#enter('finish');
      // Said again: the first time may have been lost, or a view change may have made this node primary again.
      else if (this.#ticks % ABDICATE_AGAIN_TICKS === 0) this.#abdicate();
    } else if (this.#phase === 'finish') {
      const { node } = this.#options;
      const idle = node === null || (node.requests.size === 0 && node.control.size === 0);
      if (idle || this.#over(FINISH_MS)) this.#sync();
    } else if (this.#phase === 'sync' && (this.#isSynced() || this.#over(SYNC_MS))) this.#close();
  }

  #abdicate(): void {
    const { node } = this.#options;
    if (node === null) return;
    for (const group of node.storage.groups.all())
      if (group.leads && group.identity.members.length > 1) group.abdicate();
  }

  /** Whatever others can lead is led by others: a group of one member has nobody to hand over to. */
  #leadsNothing(): boolean {
    const { node } = this.#options;
    if (node === null) return true;
    for (const group of node.storage.groups.all()) {
      if (group.identity.members.length === 1) continue;
      const { status } = group.replica.state;
      if (group.leads || status !== 'normal') return false;
    }
    return true;
  }

  #sync(): void {
    const { node } = this.#options;
    this.#enter('sync');
    if (node === null) {
      this.#synced = true;
      return;
    }
    node.control.stop();
    node.requests.endAll(null, { type: 'unknown', code: 'viewChanged' });
    node.subscriptions.endAll(null, 'goingAway');
    const { checkpoints } = node.storage;
    const write = () =>
      checkpoints.start(() => {
        this.#synced = true;
      });
    if (checkpoints.running) checkpoints.whenDone(write);
    else write();
  }

  #isSynced(): boolean {
    const { node } = this.#options;
    if (!this.#synced || node === null) return this.#synced;
    return !node.storage.journal.busy && node.storage.journal.queuedBytes === 0;
  }

  #close(): void {
    const { connections, closing, done } = this.#options;
    this.#enter('closed');
    closing();
    for (const connection of [...connections.all()]) connections.close(connection, 'goingAway');
    done();
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#ticks = 0;
  }

  #over(ms: number): boolean {
    return this.#ticks * this.#options.tickMs >= ms;
  }
}
