import type { Checksums, Prepare } from '@vireo/protocol';
import { ageMs } from './age.ts';
import { assert } from './assert.ts';
import { onGrantDurable } from './cold-start.ts';
import { advanceCommit, applyCommitted } from './commit.ts';
import { type Core, isLeading, isRecovering, leads, primary, type ReplicaConfig } from './core.ts';
import { onHandOver, settleHandOver, successors } from './hand-over.ts';
import { initialState } from './initial-state.ts';
import { firstMissingBody, headOp, noteDurable } from './log.ts';
import { isVolatile, modeSetBy } from './mode.ts';
import { onRequest, settleNormal } from './normal.ts';
import { PIPELINE_MAX } from './pipeline.ts';
import { type NodeId, quorums } from './quorums.ts';
import { onRead, settleReads } from './read-index.ts';
import { receive } from './receive.ts';
import { poll } from './recovering.ts';
import { onLoaded } from './repair.ts';
import type { Checkpoint, ReplicaRecovery } from './replay.ts';
import type { ReplicaEffects, ReplicaEvent } from './replica-events.ts';
import type { ReplicaState } from './replica-state.ts';
import type { StateMachine } from './state-machine.ts';
import type { StateRecord } from './state-record.ts';
import { onPeerLost, onTick } from './timers.ts';
import { lossEpochHeld, onTransferred, opsBehind, setTransferring, takesCheckpoint } from './transfer.ts';
import { joinView, releaseClients, sendVote, startAsPrimary, suspect } from './view-change.ts';
import type { Clock, Random } from './world.ts';
import {
  describeCopy,
  describeState,
  endWrite,
  seal,
  syncMark,
  writePrepares,
  writeState,
} from './writes.ts';

/** What a replica reads from outside besides events. */
export interface ReplicaWorld {
  readonly clock: Clock;
  readonly random: Random;
  readonly checksums: Checksums;
}

/**
 * A replica in the midst of its life, for who looks at many possible lives of it: it goes on with this very state (a
 * copy of some replica's), and nothing begins. The machine must be where that one's was.
 */
export interface ResumedReplica {
  readonly resumed: ReplicaState;
}

/**
 * One replica of one group: Viewstamped Replication Revisited (Liskov and Cowling, MIT-CSAIL-TR-2012-021) with
 * its errata mended; `docs/protocol.md` tells it as one story. Synchronous and deterministic: every event goes
 * through `step`, every effect comes out of the sink given there, and `settle` ends a turn. It performs no I/O and
 * knows nothing of streams, files or sockets.
 *
 * `step` and `settle` throw `AssertionFailed` only for a defect of this package or of the adapter; the process
 * should end then. What peers send is never an assertion.
 */
export class Replica {
  readonly state: ReplicaState;
  readonly config: ReplicaConfig;
  readonly #core: Core;

  constructor(
    config: ReplicaConfig,
    machine: StateMachine,
    world: ReplicaWorld,
    recovery: ReplicaRecovery | ResumedReplica,
    out: ReplicaEffects,
  ) {
    assert(config.pipeline >= 1 && config.pipeline <= PIPELINE_MAX, 'pipeline out of range', config.pipeline);
    const index = config.members.indexOf(config.self);
    assert(index >= 0, 'a replica is a member of its group', config.self);
    this.config = config;
    this.state = 'resumed' in recovery ? recovery.resumed : initialState(config, recovery, world.random);
    this.#core = {
      config,
      quorums: quorums(config.members.length),
      index,
      machine,
      state: this.state,
      out,
      ...world,
    };
    if (!('resumed' in recovery)) this.#begin(recovery);
  }

  /** First effects: a new group's first promise; after a restart the open vote, or the view after our own. */
  #begin(recovery: ReplicaRecovery): void {
    const core = this.#core;
    const { state } = core;
    const { record } = recovery;
    if (record === null) {
      writeState(core, describeState(core), []);
      return;
    }
    applyCommitted(core);
    if (isRecovering(state)) {
      // Durable before anything is cut or overwritten: the next start could not tell any more.
      if (record.verdict === 'none') writeState(core, describeCopy(core), []);
      poll(core);
      return;
    }
    if (state.grant !== null) return;
    syncMark(core);
    if (state.status === 'viewChange') sendVote(core);
    // A restarted primary never resumes its view: it does not know what it prepared last, and would give an op
    // number a second content (erratum E19).
    else if (leads(core)) joinView(core, state.view + 1);
  }

  step(event: ReplicaEvent, out: ReplicaEffects): void {
    const core = this.#core;
    core.out = out;
    switch (event.type) {
      case 'message':
        receive(core, event.from, event.message);
        return;
      case 'request':
        onRequest(core, event.request);
        return;
      case 'read':
        onRead(core, event.id);
        return;
      case 'persisted':
        this.#persisted(event.token, event.ok);
        return;
      case 'tick':
        onTick(core);
        return;
      case 'loaded':
        onLoaded(core, event.token, event.prepares);
        return;
      case 'peerLost':
        onPeerLost(core, event.node);
        return;
      case 'checkpointed':
        this.#checkpointed(event.op);
        return;
      case 'transferring':
        setTransferring(core, event.on);
        return;
      case 'transferred':
        onTransferred(core, event.checkpoint);
        return;
      case 'coldStart':
        core.state.coldStart.ordered = event.without ? 'present' : 'all';
        core.state.coldStart.orderedTick = core.state.tick;
        return;
      case 'handOver':
        onHandOver(core, event.to);
        return;
    }
  }

  /** Ends a turn: one write for all new prepares, one cumulative ack, the commit number. */
  settle(out: ReplicaEffects): void {
    const core = this.#core;
    core.out = out;
    // Before the ack, which may cover a switch to `memory` that was committed by others in this very turn.
    syncMark(core);
    settleNormal(core);
    settleHandOver(core);
    settleReads(core);
    syncMark(core);
    writePrepares(core);
  }

  /** This node is about to stop: takes no more requests and asks the others to go on without it. */
  abdicate(out: ReplicaEffects): void {
    const core = this.#core;
    core.out = out;
    core.state.abdicating = 'leaving';
    if (core.state.status === 'normal' && leads(core)) suspect(core);
  }

  /**
   * Before a clean shutdown: no ack, no vote, nothing prepared from here on. What this replica said so far holds, and
   * what it holds can be made durable as it is (`seal`).
   */
  halt(out: ReplicaEffects): void {
    const core = this.#core;
    core.out = out;
    releaseClients(core);
    core.state.halted = true;
  }

  /**
   * After `halt`, once a checkpoint at commitMin is durable: makes the uncommitted tail durable, and with it a record
   * without the mark, so that the next start is not amnesiac. Without effect when acked bodies are lost here.
   */
  seal(out: ReplicaEffects): void {
    const core = this.#core;
    core.out = out;
    seal(core);
  }

  /** The mark is cleared for good, or there was none, or it can not be cleared. */
  get sealed(): boolean {
    return this.state.seal === 'done';
  }

  /**
   * A checkpoint is waited for: a switch to `disk` promises stable storage for all that was applied before it.
   */
  get wantsCheckpoint(): boolean {
    const { state } = this;
    if (state.mustSync > state.checkpointOp) return true;
    return (
      state.modeOps > 0 && isVolatile(state) && state.log.some(({ header }) => modeSetBy(header) === 'disk')
    );
  }

  /** Ops known to be committed that are not applied here: what makes state transfer worth while. */
  get opsBehind(): number {
    return opsBehind(this.#core);
  }

  /** What a peer must hold too for a checkpoint of this replica to be of use to it. */
  get lossEpoch(): number {
    return lossEpochHeld(this.state);
  }

  /** Whether a peer's checkpoint may be installed; `lossEpoch`: that which the peer says it holds. */
  takesCheckpoint(checkpoint: Pick<Checkpoint, 'op' | 'checksum'>, lossEpoch: number): boolean {
    return takesCheckpoint(this.#core, checkpoint, lossEpoch);
  }

  /** What the node keeps beside the snapshot of the state at commitMin. */
  checkpoint(): Checkpoint {
    const { commitMin, committedChecksum, committedTimestamp, mode, appliedLossEpoch } = this.state;
    return {
      op: commitMin,
      checksum: committedChecksum,
      timestamp: committedTimestamp,
      mode,
      lossEpoch: appliedLossEpoch,
    };
  }

  get op(): number {
    return headOp(this.state);
  }

  /** The primary of the present view. */
  get primary(): NodeId {
    return primary(this.#core);
  }

  /** Primary of a view whose noop has committed: knows every op that was ever acked, and may say where the end is. */
  get leading(): boolean {
    return isLeading(this.#core);
  }

  /** Members that could take over from this primary now, the best first. Empty when it is none. */
  get successors(): NodeId[] {
    return successors(this.#core);
  }

  /** All that was committed anywhere so many ms ago is applied here; Infinity: nothing is known. See `age.ts`. */
  get ageMs(): number {
    return ageMs(this.#core);
  }

  /**
   * A body is missing further below the head than a record's headers reach: what the journal holds now is all that a
   * start could find the log by, so none of it may be released before that body is here.
   */
  get needsJournal(): boolean {
    const missing = firstMissingBody(this.state);
    return missing !== null && missing <= this.op - PIPELINE_MAX;
  }

  /** The ops above commitMin whose bodies are held: what a journal file must keep before it is reused. */
  uncommitted(): Prepare[] {
    return this.state.log.flatMap((entry) => (entry.prepare === null ? [] : [entry.prepare]));
  }

  /** What a copy in a younger journal file must say. */
  stateRecord(): StateRecord {
    return describeCopy(this.#core);
  }

  #checkpointed(op: number): void {
    const core = this.#core;
    const { state } = core;
    state.checkpointOp = Math.max(state.checkpointOp, op);
    this.#promisesMore();
  }

  #persisted(token: number, ok: boolean): void {
    const core = this.#core;
    const { state } = core;
    const write = endWrite(core, token);
    if (write === null) return;
    if (!ok) {
      // The disk may or may not hold it, and asking again proves nothing: no vote, no ack, never primary again.
      state.failed = true;
      if (state.seal === 'writing') state.seal = 'done';
      return;
    }
    for (const header of write.headers) noteDurable(state, header);
    // An earlier record under way may say that the mark is gone; the last one counts.
    if (state.seal === 'writing' && state.tokens.size === 0) state.seal = 'done';
    if (write.type === 'state') {
      state.durableEpoch = write.epoch;
      state.durableView = write.view;
      state.durableLogView = write.logView;
      state.durableMark = write.mark;
      state.durableGrant = write.grant;
      if (state.failed || state.halted) return;
      if (write.grant !== null) onGrantDurable(core);
      if (write.view !== state.view || write.epoch !== state.epoch) return;
      if (state.status === 'viewChange') sendVote(core);
      else if (state.status === 'normal' && write.logView === state.view && leads(core) && !state.started)
        startAsPrimary(core);
    }
    this.#promisesMore();
  }

  /** More is durable than before: what an ack may say has grown. */
  #promisesMore(): void {
    const core = this.#core;
    const { state } = core;
    if (state.status !== 'normal' || state.halted) return;
    if (leads(core)) advanceCommit(core);
    else state.ackDue = true;
  }
}
