import type { Durability, Prepare } from '@vireo/protocol';
import type { GroupLog, LogEnd, SnapshotStore } from '@vireo/storage';
import {
  type Checkpoint,
  type ClientRequest,
  encodeStateRecord,
  type Message,
  type NodeId,
  type PersistWrite,
  type Replica,
  type ReplicaCall,
  type ReplicaEffects,
  type ReplicaEvent,
  type ReplicaRecorder,
  type ReplicaRecording,
  type ReplyOutcome,
  type StateMachine,
} from '@vireo/vsr';
import { PartitionMachine } from '../partition/index.ts';
import { encodeGroupSnapshot } from './group-snapshot.ts';
import type { JournalWriter } from './journal-writer.ts';
import { ReplicaNews } from './replica-news.ts';
import type { Stats } from './stats.ts';
import type { Subscription } from './subscription.ts';
import type { EventLog, FailReason } from './world.ts';

/** What every replica of the node shares: where its effects go. */
export interface GroupContext {
  readonly journal: JournalWriter;
  readonly stats: Stats;
  readonly log: EventLog;
  nowMs(): number;
  send(group: number, to: NodeId, message: Message): void;
  reply(requestId: number, outcome: ReplyOutcome): void;
  /** The group was stepped and has to be settled at the end of the turn. */
  stepped(group: HostedGroup): void;
  /** Ops of the group were applied in this turn. */
  applied(group: HostedGroup): void;
  fail(reason: FailReason): void;
}

/** What identifies a hosted group. */
export interface GroupIdentity {
  /** 0: the metadata group. */
  readonly id: number;
  readonly topicId: number;
  readonly partition: number;
  readonly members: readonly NodeId[];
}

const TICK = { type: 'tick' } as const;

/**
 * One replica of this node with what belongs to it: log, snapshots, subscriptions. It carries the replica's
 * effects to journal, segments, peers and clients, and is told by them what became of each.
 */
export class HostedGroup implements ReplicaEffects {
  readonly id: number;
  readonly identity: GroupIdentity;
  readonly log: GroupLog;
  readonly snapshots: SnapshotStore;
  readonly subscriptions = new Set<Subscription>();
  /** Op of the last durable snapshot. */
  checkpointOp: number;
  /** Where the log ends at that op; null: there is no snapshot. */
  checkpointEnd: LogEnd | null;
  /** Bytes of the log above that snapshot that were applied in this run. */
  bytesBeyond = 0;
  /** The log is known to be on stable storage up to this op. */
  syncedOp: number;
  /** Its topic was deleted: no step, no frame, no answer any more. */
  deleted = false;
  readonly #context: GroupContext;
  #replica: Replica | null = null;
  #machine: StateMachine | null = null;
  #recorder: ReplicaRecorder | null = null;
  readonly #news: ReplicaNews;
  /** Segments hold ops beyond the checkpoint that were only read: not known to be on stable storage. */
  #kept: boolean;
  /** Answers of the journal that wait until those are; null: nothing waits any more. */
  #heldBack: (() => void)[] | null;
  /** The replica stands still, and these events wait for it; null: it does not. */
  #waiting: ReplicaEvent[] | null = null;

  constructor(
    context: GroupContext,
    identity: GroupIdentity,
    log: GroupLog,
    snapshots: SnapshotStore,
    checkpointOp: number,
    kept: boolean,
  ) {
    this.#context = context;
    this.#news = new ReplicaNews(context);
    this.id = identity.id;
    this.identity = identity;
    this.log = log;
    this.snapshots = snapshots;
    this.checkpointOp = checkpointOp;
    this.checkpointEnd = checkpointOp === 0 ? null : log.openedAt;
    this.syncedOp = checkpointOp;
    this.#kept = kept;
    this.#heldBack = kept ? [] : null;
  }

  /**
   * The replica needs its machine, the machine this group: so it is attached once both exist. `recorder`: keeps the
   * calls into the replica.
   */
  attach(replica: Replica, machine: StateMachine, recorder: ReplicaRecorder | null): void {
    this.#replica = replica;
    this.#machine = machine;
    this.#recorder = recorder;
  }

  /** The ops of the log become durable, without a snapshot. A failure ends the node. */
  syncLog(done: () => void): void {
    const op = this.log.endOp;
    this.log.syncOps((error) => {
      // Files of a deleted group may be removed meanwhile: then it is of no interest any more.
      if (error !== null && !this.deleted) {
        this.#context.fail({ code: 'diskFailed', message: error.message });
        return;
      }
      this.syncedOp = Math.max(this.syncedOp, op);
      done();
    });
  }

  /**
   * Makes durable what was kept beyond the checkpoint: a process that died may have left it to the system's cache
   * alone. The replica counts it as its own, so none of its promises is taken for durable before.
   */
  syncKept(): void {
    if (!this.#kept) return;
    this.#kept = false;
    this.syncLog(() => {
      const waiting = this.#heldBack ?? [];
      this.#heldBack = null;
      for (const answer of waiting) answer();
    });
  }

  /** The state after the last applied op, for a checkpoint. */
  snapshot(): Buffer {
    if (this.#machine === null) throw new Error('the machine is attached when its group is opened');
    const { mode, lossEpoch } = this.replica.checkpoint();
    return encodeGroupSnapshot({ mode, lossEpoch, machine: this.#machine.snapshot() });
  }

  /** A snapshot of the state at `op` is durable, and the segments up to it. */
  checkpointed(op: number, end: LogEnd | null): void {
    this.checkpointOp = op;
    this.checkpointEnd = end;
    this.syncedOp = Math.max(this.syncedOp, op);
    this.step({ type: 'checkpointed', op });
  }

  /** As of the last applied op. */
  get mode(): Durability {
    return this.replica.state.mode;
  }

  /** How often the log was cut by a cold start. */
  get lossEpoch(): number {
    return this.replica.state.appliedLossEpoch;
  }

  /** What an ack of a committed op may claim. */
  durabilityOf(op: number): Durability {
    return this.#machine instanceof PartitionMachine ? this.#machine.durabilityOf(op) : 'disk';
  }

  /** May not vote, ack or lead: it can not know all that it acked. */
  get recovering(): boolean {
    return this.replica.state.verdict !== 'none';
  }

  get replica(): Replica {
    if (this.#replica === null) throw new Error('the replica is attached when its group is opened');
    return this.#replica;
  }

  /** The replica's state record as it is now: the group's creation, and copies that let a journal file go. */
  stateRecord(): Buffer {
    return encodeStateRecord(this.replica.stateRecord());
  }

  /** The node that leads the view which this replica is in, or wants to be in. */
  get primary(): NodeId {
    return this.replica.primary;
  }

  /** Primary of its view, able to serve: this view's noop is committed, so nothing acked is missing. */
  get leading(): boolean {
    return this.replica.leading;
  }

  /** Normal primary of its view, able to serve or about to be. */
  get leads(): boolean {
    return this.replica.state.status === 'normal' && this.primary === this.replica.config.self;
  }

  /** Is, or follows, a primary that it has no reason to think gone. */
  get hasPrimary(): boolean {
    const { state, config } = this.replica;
    if (this.recovering || state.grant !== null || state.status !== 'normal') return false;
    return this.leads || state.suspects[config.members.indexOf(config.self)]! < 0;
  }

  /** The operator orders a cold start; `without`: of those who do not answer. */
  coldStart(without: boolean): void {
    const { status, view } = this.replica.state;
    this.#context.log.event('warn', 'group.coldStartOrdered', { group: this.id, status, view, without });
    this.step({ type: 'coldStart', without });
  }

  /** This primary lets another member lead, one of its replica's successors. */
  handOver(to: NodeId): void {
    if (this.leading) this.#context.log.event('info', 'group.handsOver', { group: this.id, to });
    this.step({ type: 'handOver', to });
  }

  /**
   * The replica stands still, as if its process were paused: its files are about to be replaced. Messages are as if lost
   * on the way, ticks are not made up for; what became of its own calls, and its clients, wait.
   */
  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const event of waiting) this.step(event);
  }

  /** A peer's checkpoint was installed while the replica stood still; it goes on from there. */
  transferred(checkpoint: Checkpoint, machine: Buffer): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    this.checkpointOp = checkpoint.op;
    this.checkpointEnd = this.log.end;
    this.syncedOp = checkpoint.op;
    this.bytesBeyond = 0;
    if (this.deleted) return;
    this.#machine?.restore(machine);
    this.step({ type: 'transferred', checkpoint });
    for (const event of waiting) this.step(event);
    this.#context.applied(this);
  }

  step(event: ReplicaEvent): void {
    if (this.deleted) return;
    if (this.#waiting !== null) {
      if (event.type !== 'message' && event.type !== 'tick') this.#waiting.push(event);
      return;
    }
    this.#context.stepped(this);
    const outer = this.#begin('step', event);
    this.replica.step(event, this);
    this.#recorder?.end(outer);
  }

  /** The last calls into the replica, if one of them threw; the node does not go on then. Null: none did. */
  failedRecording(): ReplicaRecording | null {
    return this.#recorder?.isOpen === true ? this.#recorder.recording() : null;
  }

  #begin(call: ReplicaCall, event: ReplicaEvent | null): unknown {
    return this.#recorder?.begin(call, event, this.replica.state);
  }

  tick(): void {
    this.step(TICK);
  }

  message(from: NodeId, message: Message): void {
    this.step({ type: 'message', from, message });
  }

  request(request: ClientRequest): void {
    this.step({ type: 'request', request });
  }

  /** A linearizable read: answered when the replica has applied what it has to see. */
  read(id: number): void {
    this.step({ type: 'read', id });
  }

  /** This node stops: the replica takes no more requests and asks the others to go on without it. */
  abdicate(): void {
    if (this.deleted) return;
    this.#context.stepped(this);
    const outer = this.#begin('abdicate', null);
    this.replica.abdicate(this);
    this.#recorder?.end(outer);
  }

  /** Before a clean shutdown: no ack, no vote, nothing prepared from here on. */
  halt(): void {
    if (this.deleted) return;
    this.#context.stepped(this);
    const outer = this.#begin('halt', null);
    this.replica.halt(this);
    this.#recorder?.end(outer);
  }

  /** After `halt`, with a checkpoint of all that is applied: what is not applied becomes durable too. */
  seal(): void {
    if (this.deleted) return;
    this.#context.stepped(this);
    const outer = this.#begin('seal', null);
    this.replica.seal(this);
    this.#recorder?.end(outer);
  }

  /** End of a turn. */
  settle(): void {
    if (this.deleted || this.#waiting !== null) return;
    const outer = this.#begin('settle', null);
    this.replica.settle(this);
    this.#recorder?.end(outer);
    this.#news.tell(this);
  }

  /** A committed op: into the log, and on to whoever waits for it. */
  committed(prepare: Prepare): void {
    this.log.append(prepare);
    this.bytesBeyond += prepare.bytes.length;
    this.#context.applied(this);
  }

  // ---- ReplicaEffects

  send(to: NodeId, message: Message): void {
    this.#context.send(this.id, to, message);
  }

  persist(token: number, write: PersistWrite): void {
    const { journal, stats, fail } = this.#context;
    const startedMs = this.#context.nowMs();
    stats.journalAppends++;
    for (const prepare of write.prepares) stats.journalBytes += prepare.header.size;
    const done = (ok: boolean): void => {
      if (!ok) {
        // Nothing that depends on this write may ever be said: the node stops, it does not try again.
        fail({ code: 'diskFailed', message: 'a journal write failed' });
        return;
      }
      stats.journalLatency.record(this.#context.nowMs() - startedMs);
      const answer = () => this.step({ type: 'persisted', token, ok: true });
      if (this.#heldBack === null) answer();
      else this.#heldBack.push(answer);
    };
    const { prepares } = write;
    const state = write.type === 'state' ? encodeStateRecord(write.record) : null;
    journal.append(this, { prepares, state }, done);
  }

  load(token: number, first: number, last: number, bytesMax: number): void {
    this.log.readOps(first, last, bytesMax, (error, prepares) => {
      if (error !== null) {
        this.#context.stats.readsFailed++;
        this.#context.log.event('error', 'read.failed', { group: this.id, first, last, code: error.code });
      }
      this.step({ type: 'loaded', token, prepares: error === null ? prepares : [] });
    });
  }

  reply(requestId: number, outcome: ReplyOutcome): void {
    this.#context.reply(requestId, outcome);
  }
}
