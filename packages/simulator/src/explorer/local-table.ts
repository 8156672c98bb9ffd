import { type Prepare, ZERO_CHECKSUM } from '@vireo/protocol';
import {
  type Checkpoint,
  type ReplayItem,
  Replica,
  type ReplicaRecovery,
  type ReplicaState,
  replayJournal,
} from '@vireo/vsr';
import { type Bounds, N, primaryOfView } from './bounds.ts';
import { canonicalText } from './canonical-text.ts';
import { Interner } from './interner.ts';
import type { Durable, Facts, LocalState, PendingWrite } from './local-state.ts';
import { configs, machine, world } from './machine.ts';
import { type Messages, STALE_NONCE } from './messages.ts';
import type { Prepares } from './prepares.ts';
import { Recorder } from './recorder.ts';
import { copyState, forgetRemains, forgetTime, forgetUnread } from './replica-copy.ts';

/** A replica around a copy of a state. */
export function resume(node: number, state: ReplicaState, out: Recorder): Replica {
  const config = configs[node];
  if (config === undefined) throw new Error(`there is no node ${node}`);
  return new Replica(config, machine, world, { resumed: copyState(state) }, out);
}

/** A replica that starts from what is durable. `starts`: how often its process did, this one included. */
export function startReplica(
  node: number,
  recovery: ReplicaRecovery,
  starts: number,
  out: Recorder,
): Replica {
  const config = configs[node];
  if (config === undefined) throw new Error(`there is no node ${node}`);
  return new Replica({ ...config, startCounter: starts }, machine, world, recovery, out);
}

/** More than a run within bounds asks. */
const NONCES_MAX = 1000;

/** More than the crashes and clean shutdowns of any search. */
const STARTS_TRIED = 16;

/** Whether the nonces of each run lie above those of the run before, and all of them above what counts as stale. */
function noncesRise(): boolean {
  const checkpoint = { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0, mode: 'memory', lossEpoch: 0 } as const;
  const recovery = { record: null, checkpoint, entries: [], headLost: false, salvaged: [] };
  let before = STALE_NONCE;
  for (let starts = 1; starts <= STARTS_TRIED; starts++) {
    const { firstNonce } = startReplica(0, recovery, starts, new Recorder()).state;
    if (firstNonce < before) return false;
    before = firstNonce + NONCES_MAX;
  }
  return true;
}

/** All local states that were met. */
export class LocalTable {
  readonly prepares: Prepares;
  readonly messages: Messages;
  readonly mode: Bounds['mode'];
  readonly reduced: boolean;
  /**
   * Every run of a process counts as its first, and nonces of those before it as stale (`Messages.staleOf`). So it is as
   * long as each run has nonces above those of all before it, which is seen from the code (erratum E5).
   */
  readonly forgetsRuns: boolean;
  readonly #table = new Interner<LocalState>();

  constructor({ mode, reduced }: Pick<Bounds, 'mode' | 'reduced'>, prepares: Prepares, messages: Messages) {
    this.mode = mode;
    this.reduced = reduced;
    this.forgetsRuns = reduced && noncesRise();
    this.prepares = prepares;
    this.messages = messages;
  }

  get(id: number): LocalState {
    return this.#table.get(id);
  }

  get size(): number {
    return this.#table.size;
  }

  /** Takes up a state that belongs to the table from here on. */
  intern(node: number, state: ReplicaState, durable: Durable, pending: readonly PendingWrite[]): number {
    forgetTime(state);
    forgetRemains(state);
    if (this.reduced) forgetUnread(state, primaryOfView(state.view) === node);
    const renumbered = renumber(state, pending);
    const { prepares } = this;
    const key = [
      node,
      canonicalText(state, prepares),
      this.#textOf(node, durable),
      durable.bodies.join(),
      durable.starts,
      canonicalText(renumbered, prepares),
    ].join(' ');
    return this.#table.intern(key, (id) => ({
      id,
      node,
      state,
      durable,
      pending: renumbered,
      facts: this.#factsOf(node, state, durable),
      steps: new Map(),
      answers: new Map(),
    }));
  }

  /**
   * Of a node that must be told the log again when it starts, what it wrote of that log is of no use to anybody: with
   * the same bodies and headers in the journal, only what its next start makes of the record counts. The start itself
   * is asked, not the record, so that a start which trusts what it should not still tells such records apart.
   */
  #textOf(node: number, durable: Durable): string {
    const { recovery, starts } = durable;
    const { prepares } = this;
    if (this.reduced && recovery.record !== null && this.mode === 'memory') {
      const out = new Recorder();
      const { state } = startReplica(node, recovery, starts, out);
      if (state.verdict !== 'none') {
        const { entries, headLost, salvaged } = recovery;
        forgetTime(state);
        const writes = out.writes.map(({ items }) => items);
        return canonicalText([state, writes, entries, headLost, salvaged], prepares);
      }
    }
    return canonicalText(recovery, prepares);
  }

  /** What a start would find; null: unreadable. */
  durableOf(journal: readonly ReplayItem[], checkpoint: Checkpoint, starts: number): Durable | null {
    const recovery = replayJournal(journal, checkpoint);
    if (recovery === null) return null;
    const bodies = new Set<number>();
    for (const item of journal)
      if (item.type === 'prepare') bodies.add(this.prepares.add(item.prepare.header));
    return { journal, checkpoint, recovery, bodies: [...bodies].sort((a, b) => a - b), starts };
  }

  /** Ops `first` to `last` of the chain up to `head`: what segments would give to who asks for repair. */
  chainOf(head: number, first: number, last: number): Prepare[] {
    const { prepares } = this;
    const found: Prepare[] = [];
    for (let id = head; prepares.opOf(id) >= first; id = prepares.parentOf(id))
      if (prepares.opOf(id) <= last) found.unshift(prepares.prepareOf(id));
    return found;
  }

  #factsOf(node: number, state: ReplicaState, durable: Durable): Facts {
    const { prepares } = this;
    const applied = prepares.idOf(state.committedChecksum);
    let keptHead = applied;
    let committed = applied;
    let isKept = state.appliedUnwritten.size === 0;
    const isMemory = this.mode === 'memory';
    const held: number[] = [];
    for (const entry of state.log) {
      const id = prepares.add(entry.header);
      isKept &&= isMemory ? entry.prepare !== null : entry.durable;
      if (isKept) keptHead = id;
      if (entry.prepare !== null) held.push(id);
      if (entry.header.op <= state.commitMax) committed = id;
    }
    const last = state.log.at(-1);
    const isNormal = state.status === 'normal';
    const leads = isNormal && primaryOfView(state.view) === node && state.started;
    return {
      view: state.view,
      logView: state.logView,
      durableView: durable.recovery.record?.view ?? -1,
      durableLogView: durable.recovery.record?.logView ?? -1,
      isNormal,
      leads,
      head: last === undefined ? applied : prepares.idOf(last.header.checksum),
      keptHead,
      committed,
      applied,
      bodies: isMemory
        ? held
        : durable.recovery.entries.flatMap(({ header, prepare }) =>
            prepare === null ? [] : [prepares.idOf(header.checksum)],
          ),
      bodiesFrom: isMemory ? applied : prepares.idOf(durable.checkpoint.checksum),
      firstNonce: state.firstNonce,
      recovers: state.verdict !== 'none',
      isFailed: state.verdict !== 'none' || state.log.some(({ faulty }) => faulty),
      takesRequests: leads && state.noopOp !== 0,
      startView: leads && state.view > 0 ? this.#startViewOf(node, state) : -1,
      wants: this.#wantsOf(node, state),
    };
  }

  /** Somebody who missed the start of the view, or whose vote comes late, gets its log as it is by then. */
  #startViewOf(node: number, state: ReplicaState): number {
    const out = new Recorder();
    const { epoch, view } = state;
    const from = (node + 1) % N;
    const message = { type: 'requestStartView', epoch, view, nonce: 0, asker: 'lagging' } as const;
    resume(node, state, out).step({ type: 'message', from, message }, out);
    const answer = out.sends.find(({ message: sent }) => sent.type === 'startView');
    return answer === undefined ? -1 : (this.messages.idOf(node, answer.to, answer.message) ?? -1);
  }

  #wantsOf(node: number, state: ReplicaState): number {
    const out = new Recorder();
    resume(node, state, out).step({ type: 'tick' }, out);
    const request = out.sends.find(({ message }) => message.type === 'getPrepare');
    // Whoever is asked: any peer may answer, since a silence is followed by asking the next one.
    return request === undefined ? -1 : (this.messages.idOf(node, node, request.message) ?? -1);
  }
}

/** Tokens by their order: which number a write got is history. */
function renumber(state: ReplicaState, pending: readonly PendingWrite[]): PendingWrite[] {
  const tokens = new Map<number, NonNullable<ReturnType<ReplicaState['tokens']['get']>>>();
  const renumbered = pending.map(({ token, items }, at) => {
    const write = state.tokens.get(token);
    if (write === undefined) throw new Error(`nobody waits for the write ${token}`);
    tokens.set(at + 1, write);
    return { token: at + 1, items };
  });
  state.tokens = tokens;
  state.nextToken = pending.length + 1;
  return renumbered;
}
