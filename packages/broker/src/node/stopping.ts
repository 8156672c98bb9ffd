import { FrameKind } from '@vireo/protocol';
import type { Connections } from './connections.ts';
import type { FoundedNode } from './founded-node.ts';
import type { EventLog } from './world.ts';

/** Bounds of the phases, milliseconds; all of them together stay below ten seconds. */
const HAND_OVER_MS = 3_000;
const FINISH_MS = 2_000;
const CHECKPOINT_MS = 3_000;
const SEAL_MS = 500;
/** Ticks after which a primary that is still one says again that it goes. */
const ABDICATE_AGAIN_TICKS = 30;

type Phase = 'handOver' | 'finish' | 'checkpoint' | 'seal' | 'closed';

interface StoppingOptions {
  readonly tickMs: number;
  readonly connections: Connections;
  /** Null when the cluster is not founded. */
  readonly node: FoundedNode | null;
  readonly log: EventLog;
  /** The connections are about to be closed: no more dials. */
  closing(): void;
  done(): void;
}

/**
 * A graceful stop, tick by tick: tell the clients, hand over what this node leads, let what is in flight end, halt
 * the replicas, write a checkpoint so that the next start replays little, seal, close. Each phase has a bound; what is
 * not done by then is what a crash would have left, which is safe as well.
 *
 * Halt, checkpoint, seal, in this order: a replica in mode `memory` starts as one that remembers only if all that it
 * acked is durable, the uncommitted too. So first it acks no more, then the applied ops become durable, then the rest,
 * and with it the promise that says so. Nothing may be written for it after that.
 */
export class Stopping {
  readonly #options: StoppingOptions;
  #phase: Phase = 'handOver';
  #ticks = 0;
  #checkpointed = false;

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
      if (idle || this.#over(FINISH_MS)) this.#halt();
    } else if (this.#phase === 'checkpoint') {
      if (this.#checkpointed || this.#over(CHECKPOINT_MS)) this.#seal();
    } else if (this.#phase === 'seal' && (this.#isDurable() || this.#over(SEAL_MS))) this.#close();
  }

  #abdicate(): void {
    const { node } = this.#options;
    if (node === null) return;
    for (const group of node.storage.groups.all())
      if (group.leads && group.identity.members.length > 1) group.abdicate();
  }

  /**
   * Whatever others can lead is led by others: a group of one member has nobody to hand over to, and a replica that
   * may not lead has nothing to.
   */
  #leadsNothing(): boolean {
    const { node } = this.#options;
    if (node === null) return true;
    for (const group of node.storage.groups.all()) {
      if (group.identity.members.length === 1 || group.recovering) continue;
      const { status } = group.replica.state;
      if (group.leads || status !== 'normal') return false;
    }
    return true;
  }

  #halt(): void {
    const { node } = this.#options;
    this.#enter('checkpoint');
    if (node === null) {
      this.#checkpointed = true;
      return;
    }
    node.control.stop();
    node.requests.endAll(null, { type: 'unknown', code: 'viewChanged' });
    node.subscriptions.endAll(null, 'goingAway');
    const { checkpoints, groups } = node.storage;
    for (const group of groups.all()) group.halt();
    const write = () =>
      checkpoints.start(() => {
        this.#checkpointed = true;
      });
    if (checkpoints.running) checkpoints.whenDone(write);
    else write();
  }

  #seal(): void {
    const { node } = this.#options;
    this.#enter('seal');
    if (node === null) return;
    node.storage.checkpoints.stop();
    for (const group of node.storage.groups.all()) group.seal();
  }

  /** Sealed, and on stable storage. */
  #isDurable(): boolean {
    const { node } = this.#options;
    if (node === null) return true;
    const { journal, groups } = node.storage;
    for (const group of groups.all()) if (!group.replica.sealed) return false;
    return !journal.busy && journal.queuedBytes === 0;
  }

  /** Replicas that will be recovering at the next start, though this one is graceful. */
  #tellUnsealed(): void {
    const { node, log } = this.#options;
    for (const group of node?.storage.groups.all() ?? []) {
      const { state, op } = group.replica;
      if (!state.durableMark && state.verdict === 'none') continue;
      const fields = { group: group.id, op, commit: state.commitMin, checkpointOp: group.checkpointOp };
      log.event('warn', 'group.unsealed', fields);
    }
  }

  #close(): void {
    const { connections, closing, done } = this.#options;
    this.#enter('closed');
    this.#tellUnsealed();
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
