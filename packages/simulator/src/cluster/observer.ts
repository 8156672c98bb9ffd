import { type Frame, FrameKind, FrameReader, type Prepare } from '@vireo/protocol';
import { GroupLog, Journal } from '@vireo/storage';
import { type Message, type PersistWrite, Replica, type ReplicaEffects, type ReplicaEvent } from '@vireo/vsr';
import { carryAcks, noteAcks, noteHeld, noteOwnAcks, whyRecover } from '../checkers/acks.ts';
import {
  type Checker,
  isRecovering,
  type ReplicaContext,
  type Standing,
  Violation,
} from '../checkers/checker.ts';
import { Ghost, type GhostReplica, type GhostWrite } from '../checkers/ghost.ts';
import { simChecksums } from '../world/sim-checksums.ts';
import { describeMessage, describeState } from './describe.ts';
import type { Recovering } from './fault-atlas.ts';
import { Floors } from './floors.ts';
import { simLimits } from './limits.ts';
import { Tap } from './tap.ts';

/** Frames to clients that some checker looks at. */
const toClients: ReadonlySet<number> = new Set([
  FrameKind.produceAck,
  FrameKind.subscribed,
  FrameKind.batches,
  FrameKind.subscriptionStatus,
]);

/** The observer of the run that is under way; the production code is synchronous, so there is one at a time. */
let active: Observer | null = null;

const alive = () => true;

/**
 * Watches the production packages at their seams: every step of a replica with the effects it has, every op that
 * reaches a group's log, every frame to a client. The packages have no hooks for this, and need none: the
 * methods are wrapped here, once, and cost nothing when no run is under way.
 */
export class Observer {
  readonly ghost = new Ghost();
  readonly floors = new Floors();
  /** Takes lines for people: what replicas say to each other. */
  detail: (line: () => string) => void = () => {};
  readonly #checkers: readonly Checker[];
  /** Simulated time, µs. */
  readonly #now: () => number;
  readonly #taps = new WeakMap<Replica, Tap>();
  /** Replicas of the processes that run now, by node and group. */
  readonly #live = new Map<string, Replica>();
  /** Frames are decoded exactly as a client decodes them; one reader for all, as each frame is whole. */
  readonly #reader = new FrameReader({ frameBytesMax: 1 << 30 }, simChecksums);
  /** Nodes whose start is durable. What a replica says before reaches nobody: there is no connection yet. */
  readonly #speaking = new Set<number>();
  /** Node whose code runs, and the number of its process. */
  #node = -1;
  #start = 0;
  #isAlive = alive;

  constructor(checkers: readonly Checker[], now: () => number) {
    this.#checkers = checkers;
    this.#now = now;
  }

  /** Until `left`, what runs is code of `node`; what it does after `isAlive` has become false reaches nobody. */
  entered(node: number, start: number, isAlive: () => boolean): void {
    this.#node = node;
    this.#start = start;
    this.#isAlive = isAlive;
    active = this;
  }

  live(node: number, group: number): Replica | undefined {
    return this.#live.get(`${node}/${group}`);
  }

  /** What the fault atlas must know of a replica; null: its process is down, or has not opened it yet. */
  standing(node: number, group: number): Recovering | null {
    const replica = this.live(node, group);
    if (replica === undefined) return null;
    const { commitMin, log, status } = replica.state;
    return {
      commitMin,
      sound: !isRecovering(status) && !log.some((entry) => entry.faulty),

      checksumAt: (op) => log[op - commitMin - 1]?.header.checksum,
    };
  }

  /** States of all live replicas, as detail lines. */
  describeAll(): void {
    for (const [key, replica] of this.#live) this.detail(() => `${key}: ${describeState(replica)}`);
  }

  /** Node that leads a group in its highest view, as far as it says itself. */
  primaryOf(group: number): number | null {
    let best: Replica | null = null;
    for (const [key, replica] of this.#live) {
      if (Number(key.split('/')[1]) !== group || !isLeading(replica)) continue;
      if (best === null || replica.state.view > best.state.view) best = replica;
    }
    return best?.config.self ?? null;
  }

  left(): void {
    active = null;
  }

  started(node: number): void {
    this.#speaking.add(node);
  }

  died(node: number): void {
    this.#speaking.delete(node);
    for (const replica of this.ghost.replicas.values()) {
      if (replica.node !== node) continue;
      const live = this.live(node, replica.group);
      if (live !== undefined && isLeading(live)) this.floors.add('restart of a primary');
      this.#live.delete(`${node}/${replica.group}`);
      replica.mustRecover = whyRecover(replica);
      // A write that got no answer may have reached the disk: what it contradicts is not certain any more.
      if (replica.mustRecover === null) {
        replica.durableMark = false;
        replica.durableVerdict = 'none';
      }
      replica.writes.clear();
      replica.appliedOp = -1;
    }
    for (const checker of this.#checkers) checker.died?.(this.ghost, node);
  }

  ended(): void {
    for (const checker of this.#checkers) checker.ended?.(this.ghost);
  }

  /** A whole frame leaves `from`; client ids begin at `clientsFrom`. */
  frame(from: number, to: number, bytes: Buffer): void {
    if (!toClients.has(bytes[4] ?? 0)) return;
    this.#decode(from, bytes, (frame) => {
      for (const checker of this.#of(frame.group)) checker.toClient?.(this.ghost, from, to, frame);
    });
  }

  /** A whole frame leaves a client for node `to`. */
  asked(from: number, to: number, bytes: Buffer): void {
    if (bytes[4] !== FrameKind.subscribe) return;
    this.#decode(from, bytes, (frame) => {
      for (const checker of this.#of(frame.group)) checker.fromClient?.(this.ghost, from, to, frame);
    });
  }

  #decode(from: number, bytes: Buffer, use: (frame: Frame) => void): void {
    const error = this.#reader.push(bytes, use);
    if (error !== null) throw new Error(`${from} sent a frame that does not decode: ${error.message}`);
  }

  /** Checkers of a group: none once it has said that acked ops may be gone, or metadata has, which names all groups. */
  #of(group: number): readonly Checker[] {
    const { lossSaid } = this.ghost;
    return lossSaid.size > 0 && (lossSaid.has(group) || lossSaid.has(0)) ? [] : this.#checkers;
  }

  /** A cold start: only a group that more was taken from than it can bear may come to that. */
  #noteLoss(replica: Replica): void {
    const { lossEpoch } = replica.state;
    const { group } = replica.config;
    if (lossEpoch === 0 || this.ghost.lossSaid.has(group)) return;
    if (!this.ghost.overspent.has(group)) {
      throw new Violation(
        '2 acked is kept',
        `node ${this.#node}, group ${group}: raises lossEpoch to ${lossEpoch}, and no fault was beyond the budget`,
      );
    }
    this.ghost.lossSaid.add(group);
    this.floors.add('loss said beyond the budget');
  }

  /** The replica that is being looked at; its first sight in a process is its recovery. */
  #context(replica: Replica): ReplicaContext {
    const self = this.ghost.replica(this.#node, replica.config.group);
    const context = { ghost: this.ghost, self, replica };
    if (self.start !== this.#start || self.appliedOp < 0) {
      self.start = this.#start;
      self.appliedOp = replica.state.commitMin;
      this.ghost.members.set(replica.config.group, replica.config.members);
      self.writes.clear();
      this.#live.set(`${this.#node}/${replica.config.group}`, replica);
      const { durableView, durableLogView, epoch } = replica.state;
      // What a journal gave back is on the disk. A record it lost cannot raise what is remembered here.
      self.durableEpoch = Math.max(self.durableEpoch, epoch);
      self.durableView = Math.max(self.durableView, durableView);
      self.durableMark ||= replica.state.durableMark;
      self.mark = replica.state.mark;
      carryAcks(context);
      self.durableLogView = Math.max(self.durableLogView, durableLogView);
      for (const entry of replica.state.log)
        if (entry.durable) this.ghost.becameDurable(self, entry.header.checksum);
      // What a snapshot covers is in the segments, which are compared byte by byte at the end; what was executed above it
      // while the replica was made came from the journal. The process that wrote them may have ended before the journal
      // answered for these ops.
      for (const { header } of this.ghost.log(self.group).slice(0, replica.state.commitMin))
        this.ghost.becameDurable(self, header.checksum);
      this.floors.recovered(replica);
      this.#noteLoss(replica);
      for (const checker of this.#of(self.group)) checker.recovered?.(context);
    }
    return context;
  }

  step(
    replica: Replica,
    event: ReplicaEvent | null,
    out: ReplicaEffects,
    run: (out: ReplicaEffects) => void,
  ): void {
    if (!this.#isAlive()) {
      run(out);
      return;
    }
    let tap = this.#taps.get(replica);
    if (tap === undefined) {
      tap = new Tap(this, this.#context(replica));
      this.#taps.set(replica, tap);
    }
    const { context } = tap;
    const { self } = context;
    if (event?.type === 'persisted') this.#persisted(context, event.token, event.ok);
    if (event?.type === 'checkpointed') this.#checkpointed(self, event.op);
    if (event?.type === 'transferred') {
      for (const checker of this.#of(self.group)) checker.transferred?.(this.ghost, self, event.checkpoint);
      this.#checkpointed(self, event.checkpoint.op);
      self.appliedOp = event.checkpoint.op;
    }
    const before = standing(replica);
    tap.out = out;
    // Also before the step: what has just become durable may be counted and applied in it.
    noteOwnAcks(context);
    run(tap);
    if (!this.#isAlive()) return;
    carryAcks(context);
    noteOwnAcks(context);
    this.#noteLoss(replica);
    for (const checker of this.#of(self.group)) checker.stepped?.(context, before, event);
    this.floors.stepped(self, replica, before, event);
  }

  sends(context: ReplicaContext, to: number, message: Message): void {
    if (!this.#isAlive() || !this.#speaking.has(this.#node)) return;
    this.detail(() => `${context.self.node}>${to} group ${context.self.group} ${describeMessage(message)}`);
    carryAcks(context);
    if (message.type === 'prepareOk') noteAcks(context, message.op);
    this.#noteLoss(context.replica);
    for (const checker of this.#of(context.self.group)) checker.sends?.(context, to, message);
    this.floors.sends(message);
  }

  persists(context: ReplicaContext, token: number, write: PersistWrite): void {
    if (!this.#isAlive()) return;
    const { self } = context;
    carryAcks(context);
    self.writes.set(token, {
      checksums: write.prepares.map((prepare) => prepare.header.checksum),
      record: write.type === 'state' ? write.record : null,
    });
    this.#noteLoss(context.replica);
    for (const checker of this.#of(self.group)) checker.persists?.(context, token, write);
    noteHeld(self, write);
  }

  applied(prepare: Prepare): void {
    if (!this.#isAlive()) return;
    const { group, op } = prepare.header;
    const self = this.ghost.replica(this.#node, group);
    if (this.ghost.lossSaid.has(group)) {
      for (const checker of this.#checkers) checker.appliedAfterLoss?.(this.ghost, self, prepare);
      return;
    }
    for (const checker of this.#of(group)) checker.applied?.(this.ghost, self, prepare);
    self.appliedOp = op;
    if (op === this.ghost.log(group).length + 1)
      this.ghost.committedFirst(group, prepare, this.#node, this.#now());
  }

  removes(node: number, path: string, checkpointOf: (group: number) => number | null): void {
    if (!this.#isAlive()) return;
    for (const checker of this.#checkers) checker.removes?.(this.ghost, node, path, checkpointOf);
  }

  /** A checkpoint lets journal files go; from the second lap of the ring on, such a file has been written before. */
  released(journal: Journal, belowFile: number): void {
    if (belowFile > journal.oldestFile && journal.fileSequence > simLimits.journalFiles)
      this.floors.add('checkpoint reuse');
  }

  /** Segments and snapshot have it, whoever wrote them. */
  #checkpointed(self: GhostReplica, op: number): void {
    for (const { header } of this.ghost.log(self.group).slice(0, op))
      this.ghost.becameDurable(self, header.checksum);
  }

  #persisted(context: ReplicaContext, token: number, ok: boolean): void {
    const { self } = context;
    const write = self.writes.get(token) ?? firstWrite(context.replica, token);
    if (write !== undefined && ok) {
      self.writes.delete(token);
      for (const checksum of write.checksums) this.ghost.becameDurable(self, checksum);
      if (write.record !== null) {
        self.durableEpoch = write.record.epoch;
        self.durableView = write.record.view;
        self.durableLogView = write.record.logView;
        self.durableMark = write.record.mark;
        self.durableVerdict = write.record.verdict;
      }
    }
    for (const checker of this.#of(self.group)) checker.persisted?.(context, token, ok);
  }
}

function standing(replica: Replica): Standing {
  const { epoch, view, logView, status, mode, commitMin, commitMax, log } = replica.state;
  return {
    epoch,
    view,
    logView,
    status,
    mode,
    commitMin,
    commitMax,
    faulty: log.flatMap((entry) => (entry.faulty ? [entry.header.op] : [])),
    log: log.map((entry) => entry.header.checksum),
  };
}

/** A write that the replica handed out while it was constructed, which nothing can be wrapped around. */
function firstWrite(replica: Replica, token: number): GhostWrite | undefined {
  const write = replica.state.tokens.get(token);
  if (write === undefined) return undefined;
  return {
    checksums: write.headers.map((header) => header.checksum),
    record:
      write.type === 'state'
        ? {
            epoch: replica.state.epoch,
            view: write.view,
            logView: write.logView,
            mark: replica.state.mark,
            verdict: replica.state.verdict,
          }
        : null,
  };
}

function isLeading({ state, primary, config }: Replica): boolean {
  return state.status === 'normal' && primary === config.self && state.started;
}

const productionStep = Replica.prototype.step;
const productionSettle = Replica.prototype.settle;
const productionAppend = GroupLog.prototype.append;
const productionRelease = Journal.prototype.release;

Replica.prototype.step = function step(event: ReplicaEvent, out: ReplicaEffects): void {
  if (active === null) productionStep.call(this, event, out);
  else active.step(this, event, out, (tap) => productionStep.call(this, event, tap));
};

Replica.prototype.settle = function settle(out: ReplicaEffects): void {
  if (active === null) productionSettle.call(this, out);
  else active.step(this, null, out, (tap) => productionSettle.call(this, tap));
};

for (const name of ['abdicate', 'halt', 'seal'] as const) {
  const production = Replica.prototype[name];
  Replica.prototype[name] = function stop(out: ReplicaEffects): void {
    if (active === null) production.call(this, out);
    else active.step(this, null, out, (tap) => production.call(this, tap));
  };
}

GroupLog.prototype.append = function append(prepare: Prepare): void {
  active?.applied(prepare);
  productionAppend.call(this, prepare);
};

Journal.prototype.release = function release(belowFile: number): void {
  active?.released(this, belowFile);
  productionRelease.call(this, belowFile);
};
