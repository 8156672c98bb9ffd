import {
  type Checksum,
  type Prepare,
  type PrepareHeader,
  PrepareKind,
  prepareBody,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import type { Message } from '../message.ts';
import { encodeMessage } from '../message-codec.ts';
import { headMode, type Mode, modeAt } from '../mode.ts';
import type { NodeId } from '../quorums.ts';
import { type Checkpoint, type ReplayItem, type ReplicaRecovery, replayJournal } from '../replay.ts';
import { Replica } from '../replica.ts';
import type { PersistWrite, ReplicaEffects, ReplicaEvent, ReplyOutcome } from '../replica-events.ts';
import type { StateRecord } from '../state-record.ts';
import { decodeStateRecord, encodeStateRecord } from '../state-record-codec.ts';
import { DEFAULT_TIMEOUTS } from '../timeouts.ts';
import type { Cluster } from './cluster.ts';
import { checkpointAt, ListMachine } from './list-machine.ts';

interface Write {
  /** null: a checkpoint's, or the first part of a large write. */
  readonly token: number | null;
  readonly items: ReplayItem[];
  readonly after?: () => void;
}

/** One process with its disk: a replica, what its journal and segments hold, and what is under way to them. */
export class Node implements ReplicaEffects {
  replica: Replica | null = null;
  machine = new ListMachine([]);
  /** The journal. Items of one flush share an array: a flush that is lost is lost as a whole. */
  flushes: ReplayItem[][] = [];
  pending: Write[] = [];
  /** What the last snapshot says. */
  checkpoint: Checkpoint;
  /** Ops in the segments, and up to where these are synced. */
  segments: Prepare[] = [];
  synced = 0;
  loads: { token: number; first: number; last: number }[] = [];
  starts = 0;
  transfers = 0;
  /** The last durable record. */
  record: StateRecord | null = null;
  /** Mode `memory`: the mark of this run is durable, or not needed. */
  markedSinceStart = false;
  lastCommit = { epoch: 0, min: 0, max: 0 };
  #checked = 0;
  #checkpointing = false;
  readonly cluster: Cluster;
  readonly id: NodeId;

  constructor(cluster: Cluster, id: NodeId) {
    this.cluster = cluster;
    this.id = id;
    this.checkpoint = {
      op: 0,
      checksum: ZERO_CHECKSUM,
      timestamp: 0,
      mode: cluster.options.mode,
      lossEpoch: 0,
    };
  }

  start(): void {
    const { options, random, checksums } = this.cluster;
    this.starts++;
    const recovery = this.replay();
    this.segments.length = recovery.checkpoint.op;
    this.synced = recovery.checkpoint.op;
    this.machine = new ListMachine(this.segments);
    this.lastCommit = { epoch: 0, min: 0, max: 0 };
    this.#checked = 0;
    const { record, checkpoint } = recovery;
    this.markedSinceStart = record === null || record.mark || checkpoint.mode === 'disk';
    const clock = { monotonicMs: () => this.cluster.time, wallMicros: () => this.cluster.time * 1000 };
    this.replica = new Replica(
      {
        group: 1,
        epoch: 0,
        members: Array.from({ length: options.n }, (_, i) => i),
        self: this.id,
        startCounter: this.starts,
        pipeline: options.pipeline,
        pipelineBytes: 1 << 20,
        queueMax: 8,
        queueBytesMax: 1 << 20,
        coldStart: options.coldStart,
        digestEvery: options.digestEvery,
        timeouts: DEFAULT_TIMEOUTS,
      },
      this.machine,
      { clock, random: random.fork(`node ${this.id}`), checksums },
      recovery,
      this,
    );
    if (record !== null && record.verdict !== 'none' && this.replica.state.verdict !== record.verdict)
      this.cluster.ghost.blame(`node ${this.id} forgets its verdict`);
  }

  /** Up to here the segments count: what may have been committed in mode `memory` is nowhere else. */
  get #tail(): number {
    const { op, mode } = this.checkpoint;
    const isInSegments = (item: ReplayItem): boolean => {
      if (item.type === 'state') return item.record.mark;
      const header = item.type === 'prepare' ? item.prepare.header : item.header;
      return header?.kind === PrepareKind.mode && header.op > op;
    };
    return mode === 'memory' || this.flushes.flat().some(isInSegments) ? Math.max(op, this.synced) : op;
  }

  /** What a start would begin with if the process died now. */
  replay(): ReplicaRecovery {
    const tail = this.#tail;
    const base = checkpointAt(this.segments, tail, this.checkpoint);
    const isAbove = (item: ReplayItem) => item.type !== 'prepare' || item.prepare.header.op > base.op;
    const recovery = replayJournal(this.flushes.flat().filter(isAbove), base);
    if (recovery === null) throw new Error(`unreadable journal at node ${this.id}`);
    return recovery;
  }

  step(event: ReplicaEvent): void {
    this.replica?.step(event, this);
    this.cluster.ghost.onStep(this);
  }

  settle(): void {
    if (this.replica === null) return;
    this.replica.settle(this);
    this.cluster.ghost.onStep(this);
    const { applied } = this.machine;
    while (this.#checked < applied.length) {
      this.cluster.ghost.onApplied(this, applied[this.#checked++] as Prepare, this.replica.state.lossEpoch);
    }
    for (const prepare of applied.slice(this.segments.length)) this.segments.push(prepare);
  }

  /** Segments are synced up to what is applied. */
  syncSegments(): void {
    this.synced = this.segments.length;
  }

  /**
   * As the broker does it: promise and uncommitted ops are copied, then comes a snapshot of what is applied by
   * then, then what the journal held before may go. A crash may come between any two.
   */
  beginCheckpoint(): void {
    const { replica, pending, cluster } = this;
    if (replica === null || this.#checkpointing || replica.state.durableView < 0) return;
    this.#checkpointing = true;
    const record = replica.stateRecord();
    const old = replica.needsJournal ? 0 : cluster.random.below(this.flushes.length + 1);
    const pieces = [replica.uncommitted().slice(0, 2), replica.uncommitted().slice(2)];
    for (const prepares of pieces) pending.push({ token: null, items: this.#items(record, prepares) });
    const release = () => {
      this.#checkpointing = false;
      this.flushes.splice(0, old);
    };
    const snapshot = () => {
      // A crash while the copies were under way ends the attempt; what has replaced the replica knows nothing of it.
      if (this.replica !== replica) return;
      this.takeSnapshot();
      pending.push({ token: null, items: [], after: release });
    };
    pending.push({ token: null, items: [], after: snapshot });
  }

  takeSnapshot(): void {
    const { replica, machine } = this;
    if (replica === null) return;
    this.segments = machine.applied.slice();
    this.synced = this.segments.length;
    const checkpoint = replica.checkpoint();
    const expected = checkpointAt(this.segments, checkpoint.op, this.checkpoint);
    if (JSON.stringify(expected) !== JSON.stringify(checkpoint))
      this.cluster.ghost.blame(`node ${this.id}: checkpoint ${JSON.stringify(checkpoint)}`);
    this.checkpoint = checkpoint;
    this.step({ type: 'checkpointed', op: checkpoint.op });
  }

  /** Takes up the checkpoint of another node, as the broker does it: files first, then the machine, then the replica. */
  transferFrom(other: Node): void {
    const { replica } = this;
    const { checkpoint } = other;
    if (replica === null || other.replica === null || this.#checkpointing) return;
    if (!replica.takesCheckpoint(checkpoint, other.replica.lossEpoch)) return;
    const applied = other.segments.slice(0, checkpoint.op);
    // The own log is the beginning of theirs, or it is not of use here.
    const { commitMin, committedChecksum } = replica.state;
    if (commitMin > 0 && applied[commitMin - 1]?.header.checksum !== committedChecksum) return;
    this.machine.applied.splice(0, this.machine.applied.length, ...applied);
    this.segments = applied;
    this.synced = checkpoint.op;
    this.checkpoint = checkpoint;
    this.transfers++;
    this.step({ type: 'transferred', checkpoint });
  }

  crash(): void {
    const { random } = this.cluster;
    const kept = random.below(this.pending.length + 1);
    for (const write of this.pending.slice(0, kept)) this.#write(write.items);
    this.synced += random.below(Math.max(0, this.segments.length - this.synced) + 1);
    this.#down();
  }

  #down(): void {
    this.pending = [];
    this.loads = [];
    this.#checkpointing = false;
    this.replica = null;
  }

  /** Everything that a clean end needs; false: it is not clean. */
  shutDown(): void {
    const { replica } = this;
    if (replica === null) return;
    this.settle();
    replica.halt(this);
    while (this.pending.length > 0) this.flush();
    this.takeSnapshot();
    replica.seal(this);
    while (this.pending.length > 0) this.flush();
    if (!replica.sealed) this.cluster.ghost.blame(`node ${this.id} is never sealed`);
    this.#down();
  }

  flush(): void {
    const write = this.pending.shift();
    if (write === undefined || this.replica === null) return;
    this.#write(write.items);
    write.after?.();
    if (write.token !== null) this.step({ type: 'persisted', token: write.token, ok: true });
  }

  #write(items: ReplayItem[]): void {
    if (items.length > 0) this.flushes.push(items);
    for (const item of items) if (item.type === 'state') this.record = item.record;
    if (this.record?.mark === true) this.markedSinceStart = true;
  }

  serveLoad(): void {
    const load = this.loads.shift();
    if (load === undefined || this.replica === null) return;
    const prepares = this.machine.applied.slice(load.first - 1, Math.min(load.last, load.first + 2));
    this.step({ type: 'loaded', token: load.token, prepares });
  }

  checksumAt(op: number): Checksum | null {
    const applied = this.machine.applied[op - 1];
    if (applied !== undefined) return applied.header.checksum;
    return this.replica?.state.log[op - this.machine.applied.length - 1]?.header.checksum ?? null;
  }

  headMode(): Mode {
    return headMode(this.replica!.state);
  }

  /** What an ack of this op promises. */
  modeOfAck(op: number): Mode {
    const { state } = this.replica!;
    if (op > state.commitMin) return modeAt(state, op);
    return checkpointAt(this.machine.applied, op, { ...this.checkpoint, mode: this.cluster.options.mode })
      .mode;
  }

  /** Items of a write: prepares first, as storage has them. */
  #items(record: StateRecord | null, prepares: readonly Prepare[]): ReplayItem[] {
    const items: ReplayItem[] = prepares.map((prepare) => ({ type: 'prepare', prepare }));
    if (record !== null) {
      const read = decodeStateRecord(encodeStateRecord(record), this.cluster.checksums);
      if (!read.ok) throw new Error(read.error.message);
      items.push({ type: 'state', record: read.value });
    }
    return items;
  }

  persist(token: number, write: PersistWrite): void {
    const { prepares } = write;
    const record = write.type === 'state' ? write.record : null;
    // A write that is large is cut: only the last part is answered.
    if (prepares.length > 1 && this.cluster.random.below(3) === 0) {
      this.pending.push({ token: null, items: this.#items(null, prepares.slice(0, 1)) });
      this.pending.push({ token, items: this.#items(record, prepares.slice(1)) });
    } else {
      this.pending.push({ token, items: this.#items(record, prepares) });
    }
  }

  send(to: NodeId, message: Message): void {
    this.cluster.ghost.onSend(this, message);
    const { covered, bodies } = encodeMessage(message);
    const bytes = Buffer.concat([covered, ...bodies]);
    this.cluster.send({ from: this.id, to, bytes, covered: covered.length, type: message.type });
  }

  load(token: number, first: number, last: number): void {
    this.loads.push({ token, first, last });
  }

  reply(requestId: number, outcome: ReplyOutcome): void {
    if (outcome.type !== 'reply') return;
    const op = outcome.reply as number;
    const prepare = this.machine.applied[op - 1];
    const { requests, acked, ghost } = this.cluster;
    if (prepare === undefined) ghost.blame(`op ${op} answered before it was applied`);
    else if (prepareBody(prepare).toString() !== requests.get(requestId))
      ghost.blame(`request ${requestId} got the reply of another one's op ${op}`);
    else acked.set(requestId, { op, lossEpoch: this.replica?.state.lossEpoch ?? 0 });
  }

  /** Bodies that stand on this disk, whole. */
  wholeOnDisk(): Set<Checksum> {
    const whole = new Set<Checksum>();
    for (const item of this.flushes.flat())
      if (item.type === 'prepare') whole.add(item.prepare.header.checksum);
    const tail = this.#tail;
    for (const { header } of this.segments.slice(0, tail)) whole.add(header.checksum);
    return whole;
  }

  /** Acked bodies may be missing here: counts as a fault until all is repaired. */
  get isFaulty(): boolean {
    if (this.replica !== null) {
      const { state } = this.replica;
      return state.verdict !== 'none' || state.grant !== null || state.log.some(({ faulty }) => faulty);
    }
    const { record, headLost, entries } = this.replay();
    if (record === null) return false;
    return (
      record.mark ||
      record.verdict !== 'none' ||
      record.grant !== null ||
      headLost ||
      entries.some(({ faulty }) => faulty)
    );
  }

  /** A crash at this moment may lose acked bodies. */
  get mayForget(): boolean {
    const inPending = this.pending.some(({ items }) =>
      items.some((item) => item.type === 'state' && item.record.mark),
    );
    return this.record?.mark === true || inPending || this.replica?.state.mark === true;
  }

  /** Headers that this disk holds in a damaged form have been damaged by this. */
  damage(flush: number, first: number, last: number, withHeader: boolean): void {
    const items = this.flushes[flush] as ReplayItem[];
    const headers = items
      .slice(first, last + 1)
      .flatMap((item): PrepareHeader[] => (item.type === 'prepare' ? [item.prepare.header] : []));
    const firstHeader = headers[0] as PrepareHeader;
    const lastHeader = headers.at(-1) as PrepareHeader;
    items.splice(first, headers.length, {
      type: 'faulty',
      firstOp: firstHeader.op,
      lastOp: lastHeader.op,
      lastChecksum: lastHeader.checksum,
      ...(withHeader && headers.length === 1 && { header: firstHeader }),
    });
  }
}
