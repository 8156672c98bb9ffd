import type { Message, Replica, ReplicaState } from '@vireo/vsr';
import { type Bounds, N, primaryOfView } from './bounds.ts';
import { canonicalText } from './canonical-text.ts';
import type { Durable, LocalState, Step } from './local-state.ts';
import { type LocalTable, resume, startReplica } from './local-table.ts';
import { requestOf } from './machine.ts';
import { Recorder } from './recorder.ts';
import { makePingDue } from './replica-copy.ts';
import { frameProblem, stepProblem } from './step-rules.ts';
import { suspectNow } from './suspicion.ts';

/**
 * Takes single steps of single nodes with the real `Replica`, each one once: what an event does to a node is a
 * function of node and event, so the second time the answer is looked up. The search over whole groups is made of
 * these steps.
 */
export class Driver {
  readonly table: LocalTable;
  readonly #viewMax: number;
  readonly #slowDisk: boolean;
  /** Steps that the code under search was run for. */
  steps = 0;
  /** Steps that ended an amnesia. */
  recoveries = 0;

  constructor(table: LocalTable, { views, slowDisk }: Pick<Bounds, 'views' | 'slowDisk'>) {
    this.table = table;
    this.#viewMax = views - 1;
    this.#slowDisk = slowDisk;
  }

  deliver(local: LocalState, messageId: number): Step {
    return this.#once(local, messageId, (replica, out) => {
      const { from, message } = this.table.messages.get(messageId);
      replica.step({ type: 'message', from, message }, out);
    });
  }

  /**
   * The first of these messages that is not ignored; −1: all are. They are given to one copy for as long as no field of it
   * changes, and what may have changed within a field is looked at once for all.
   */
  firstNoticed(local: LocalState, messageIds: readonly number[]): number {
    const out = new Recorder();
    const replica = resume(local.node, local.state, out);
    const { state } = replica;
    const before = Object.values(state);
    for (const id of messageIds) {
      const { from, message } = this.table.messages.get(id);
      replica.step({ type: 'message', from, message }, out);
      replica.settle(out);
      const isSilent = out.sends.length + out.writes.length + out.loads.length === 0;
      const isSame = isSilent && Object.values(state).every((value, at) => value === before[at]);
      if (!isSame) return messageIds.find((each) => !this.ignores(local, each)) ?? -1;
    }
    const { prepares } = this.table;
    if (canonicalText(state, prepares) === canonicalText(local.state, prepares)) return -1;
    return messageIds.find((each) => !this.ignores(local, each)) ?? -1;
  }

  /** Whether a message changes nothing, and nobody hears of it but what a primary says all the time. */
  ignores(local: LocalState, messageId: number): boolean {
    const { messages } = this.table;
    const { from, message } = messages.get(messageId);
    const { to, sent, problem } = this.#step(local, (replica, out) => {
      replica.step({ type: 'message', from, message }, out);
    });
    return to === local.id && problem === null && sent.every((id) => messages.isNews(id));
  }

  /**
   * A StartViewChange arrives. One that names the view of the receiver finds it in suspicion too: its own timer may
   * run out at any time.
   */
  hearSuspicion(local: LocalState, from: number, view: number): Step {
    return this.#once(local, event.suspicion - view * N - from, (replica, out) => {
      const { epoch } = replica.state;
      if (view === replica.state.view) suspectNow(replica, out);
      replica.step({ type: 'message', from, message: { type: 'startViewChange', epoch, view } }, out);
    });
  }

  request(local: LocalState, value: number): Step {
    return this.#once(local, event.request + value, (replica, out) => {
      replica.step({ type: 'request', request: requestOf(value) }, out);
    });
  }

  /** The repair request of a node is answered by a peer, from what that holds at this moment. */
  repair(local: LocalState, peer: LocalState): Step {
    const answer = this.#answerTo(local, peer);
    return this.#once(local, event.repair + answer, (replica, out) => {
      replica.step({ type: 'tick' }, out);
      const { fetch } = replica.state;
      if (fetch !== null) replica.state.fetch = { ...fetch, to: peer.node };
      const { message } = this.table.messages.get(answer);
      replica.step({ type: 'message', from: peer.node, message }, out);
    });
  }

  #answerTo(local: LocalState, peer: LocalState): number {
    const { table } = this;
    const { wants } = local.facts;
    const key = local.node * 0x4000_0000 + wants;
    const known = peer.answers.get(key);
    if (known !== undefined) return known;
    const { message } = table.messages.get(wants);
    const out = new Recorder();
    const replica = resume(peer.node, peer.state, out);
    replica.step({ type: 'message', from: local.node, message }, out);
    for (const { token, first, last } of out.loads)
      replica.step({ type: 'loaded', token, prepares: table.chainOf(peer.facts.applied, first, last) }, out);
    const repair = out.sends.find(({ message: sent }) => sent.type === 'repair');
    if (repair === undefined) throw new Error('a request for repair was not answered');
    const id = table.messages.idOf(peer.node, local.node, repair.message);
    if (id === null) throw new Error('a repair is a message like others');
    peer.answers.set(key, id);
    return id;
  }

  /** The first write under way becomes durable, and the replica hears of it. */
  flush(local: LocalState): Step {
    const [first, ...rest] = local.pending;
    if (first === undefined) throw new Error('nothing is under way');
    const known = local.steps.get(event.flush);
    if (known !== undefined) return known;
    const durable = this.table.durableOf(
      [...local.durable.journal, ...first.items],
      local.durable.checkpoint,
      local.durable.starts,
    );
    if (durable === null) return broken('the journal cannot be read', 'unreadable');
    return this.#once({ ...local, durable, pending: rest }, event.flush, (replica, out) => {
      replica.step({ type: 'persisted', token: first.token, ok: true }, out);
    });
  }

  /**
   * The process ends, and starts again from what is durable. The writes under way are lost: a crash after the end of
   * one of them, which the replica has not heard of, leaves the same node as a crash right after it has heard, and fewer
   * messages, so whatever can come of it can come of that one.
   */
  crash(local: LocalState): Step {
    const known = local.steps.get(event.crash);
    if (known !== undefined) return known;
    const step = this.#withCopy(this.start(local.node, local.durable));
    local.steps.set(event.crash, step);
    return step;
  }

  /**
   * A start that writes a copy of the record it has read, with the end of that write, if nothing can tell the two
   * moments apart: the end sends nothing more, and a crash before it leads to the same node as a crash after it.
   */
  #withCopy(step: Step): Step {
    if (!this.table.reduced || this.#slowDisk || step.end !== 'none' || step.problem !== null) return step;
    const { node, durable, pending } = this.table.get(step.to);
    if (pending.length !== 1) return step;
    const written = this.flush(this.table.get(step.to));
    if (written.end !== 'none' || written.problem !== null || written.startedWith !== -1) return step;
    if (written.sent.some((id) => !step.sent.includes(id))) return step;
    const isSame =
      this.start(node, durable).to === step.to &&
      this.start(node, this.table.get(written.to).durable).to === written.to;
    return isSame ? { ...step, to: written.to } : step;
  }

  /**
   * A clean shutdown and the start after it: the replica stops, a checkpoint is made, what it holds is sealed. Null:
   * there is nothing to seal, so that it is a crash like others.
   */
  restartCleanly(local: LocalState): Step | null {
    if (this.table.mode === 'disk' || local.facts.isFailed) return null;
    const known = local.steps.get(event.clean);
    if (known !== undefined) return known;
    const out = new Recorder();
    const replica = resume(local.node, local.state, out);
    replica.halt(out);
    replica.settle(out);
    const checkpoint = replica.checkpoint();
    const writes = [...local.pending];
    const hear = (): void => {
      for (const { token } of out.writes.splice(0)) replica.step({ type: 'persisted', token, ok: true }, out);
    };
    writes.push(...out.writes);
    for (const { token } of local.pending) replica.step({ type: 'persisted', token, ok: true }, out);
    hear();
    replica.step({ type: 'checkpointed', op: checkpoint.op }, out);
    replica.seal(out);
    writes.push(...out.writes);
    hear();
    if (!replica.sealed) throw new Error('a clean shutdown comes to its end');
    const items = writes.flatMap((write) => write.items);
    const durable = this.table.durableOf(
      [...local.durable.journal, ...items],
      checkpoint,
      local.durable.starts,
    );
    const step =
      durable === null
        ? broken('the journal cannot be read after a clean shutdown', 'unreadable')
        : this.start(local.node, durable);
    local.steps.set(event.clean, step);
    return step;
  }

  /** A process starts from what is durable. */
  start(node: number, before: Durable): Step {
    // Only what was forgotten is asked for with a nonce. How many runs there were before makes no difference to a
    // replica, so with their nonces called stale (`Messages.staleOf`) every run is the first.
    const starts = this.table.mode === 'memory' && !this.table.forgetsRuns ? before.starts + 1 : 1;
    const durable = { ...before, starts };
    return this.#take(node, durable, [], null, (out) => startReplica(node, durable.recovery, starts, out));
  }

  #once(local: LocalState, key: number, act: (replica: Replica, out: Recorder) => void): Step {
    const known = local.steps.get(key);
    if (known !== undefined) return known;
    const step = this.#step(local, act);
    local.steps.set(key, step);
    return step;
  }

  #step(local: LocalState, act: (replica: Replica, out: Recorder) => void): Step {
    return this.#take(local.node, local.durable, local.pending, local.state, (out) => {
      const replica = resume(local.node, local.state, out);
      act(replica, out);
      return replica;
    });
  }

  #take(
    node: number,
    durable: Durable,
    pending: LocalState['pending'],
    before: ReplicaState | null,
    act: (out: Recorder) => Replica,
  ): Step {
    const { table } = this;
    this.steps++;
    const out = new Recorder();
    let replica: Replica;
    let startedWith = -1;
    try {
      replica = act(out);
      const { state } = replica;
      if (state.started && !(before?.started === true && before.view === state.view))
        startedWith = table.prepares.idOf(state.log.at(-1)?.header.checksum ?? state.committedChecksum);
      replica.settle(out);
      if (state.started && state.status === 'normal' && primaryOfView(state.view) === node)
        ping(replica, out);
    } catch (error) {
      return broken(`the replica throws: ${error}`, 'throws');
    }
    const { state } = replica;
    if (before !== null && before.verdict !== 'none' && state.verdict === 'none') this.recoveries++;
    let problem = before === null ? null : stepProblem(before, state);
    const sent = new Set<number>();
    for (const { to, message } of out.sends) {
      problem ??= frameProblem(message, durable);
      if ('view' in message && message.view > this.#viewMax) continue;
      if (isAnswered(message)) continue;
      const id = table.messages.idOf(node, to, message);
      if (id === null) continue;
      sent.add(id);
      if (startedWith !== -1 && message.type === 'startView') table.messages.noteStart(id);
    }
    const to = table.intern(node, state, durable, [...pending, ...out.writes]);
    const { startView } = table.get(to).facts;
    if (startView >= 0) sent.add(startView);
    return { to, sent: [...sent].sort((a, b) => a - b), startedWith, problem, end: 'none' };
  }
}

/** Events beside the delivery of a message, whose key is its id. */
const event = {
  flush: -1,
  clean: -2,
  request: -100,
  crash: -3,
  suspicion: -400,
  repair: 1 << 24,
} as const;

/** What a repair exchange consists of: it is one action of the search. */
function isAnswered(message: Message): boolean {
  return message.type === 'getPrepare' || message.type === 'repair';
}

function ping(replica: Replica, out: Recorder): void {
  makePingDue(replica.state);
  replica.step({ type: 'tick' }, out);
}

function broken(problem: string, end: Step['end']): Step {
  return { to: -1, sent: [], startedWith: -1, problem, end };
}
