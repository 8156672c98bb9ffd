import { type Bounds, N, primaryOfView } from './bounds.ts';
import type { Facts } from './local-state.ts';
import type { Messages } from './messages.ts';
import type { Prepares } from './prepares.ts';

/**
 * What a group must never do, judged from the states of its nodes and from its past: of each view the log with which
 * it was started, and the longest prefix that was acked in it. An op counts as acked as soon as the primary of a view
 * could see a quorum for it, or believes that it is committed.
 */
export class GroupRules {
  readonly #prepares: Prepares;
  readonly #messages: Messages;
  readonly #views: number;
  /** Ops up to this one were committed before the search began, and no copy of them is watched. */
  readonly #baseOp: number;
  /** Of an acked op, as long as no more fails than may; the disks of a search never fail. */
  readonly #copiesMin: number;
  readonly #onlyAcked: boolean;
  readonly #reduced: boolean;
  readonly #acked = new Int32Array(N);
  /** Ops acked beyond those that were from the beginning, and views started, at most in any run. */
  readonly reached = { ackedOps: 0, viewsStarted: 1 };

  constructor(prepares: Prepares, messages: Messages, bounds: Bounds, baseOp: number) {
    this.#prepares = prepares;
    this.#messages = messages;
    this.#views = bounds.views;
    this.#baseOp = baseOp;
    this.#copiesMin = bounds.mode === 'disk' ? 2 : 1;
    this.#onlyAcked = bounds.onlyAcked;
    this.#reduced = bounds.reduced;
  }

  /** The past before anything happened: view 0 was started with nothing. */
  newPast(base: number): Int32Array {
    const past = new Int32Array(2 * this.#views).fill(-1);
    past[0] = base;
    past[this.#views] = base;
    return past;
  }

  /** A view starts. `past` is changed; a text says which rule is broken. */
  noteStart(past: Int32Array, view: number, head: number): string | null {
    const at = this.#views + view;
    if (past[at] !== -1 && !this.#onlyAcked) return `view ${view} is started twice`;
    past[at] = head;
    this.reached.viewsStarted = Math.max(this.reached.viewsStarted, view + 1);
    for (let older = 0; older < view; older++) {
      const acked = past[older] as number;
      if (acked !== -1 && !this.#prepares.contains(head, acked))
        return `view ${view} starts without an op that was acked in view ${older}`;
    }
    return null;
  }

  /** Brings `past` up to date with what the nodes and messages say. */
  judge(past: Int32Array, nodes: readonly Facts[], messages: Int32Array, count: number): string | null {
    for (let node = 0; node < N; node++) {
      const facts = nodes[node] as Facts;
      if (!facts.leads || facts.view >= this.#views) continue;
      const problem =
        this.#noteAcked(past, facts.view, this.#quorumOf(node, facts, messages, count)) ??
        this.#noteAcked(past, facts.view, facts.committed);
      if (problem !== null) return problem;
    }
    if (this.#onlyAcked) return null;
    const committed = this.#longest(past);
    for (const { applied, committed: believed } of nodes) {
      if (!this.#prepares.contains(committed, applied)) return 'an op is applied that was not committed';
      if (!this.#prepares.contains(committed, believed)) return 'an op is taken for committed that was not';
    }
    return this.#compareLogs(nodes) ?? this.#countCopies(committed, nodes);
  }

  /**
   * Takes out of the past what no rule will look at: the log of a view as started, once no older view can ack any more;
   * in which of the views was acked what was, if whatever starts from now on starts above them all.
   */
  forget(past: Int32Array, nodes: readonly Facts[]): void {
    const views = this.#views;
    let isOver = true;
    for (let view = 0; view < views; view++) {
      const started = past[views + view] as number;
      if (isOver && started > 0) past[views + view] = 0;
      const { durableView, durableLogView, view: present } = nodes[primaryOfView(view)] as Facts;
      // A view whose primary has promised a later one will never start: as good as one that has, and is over.
      if (this.#reduced && started === -1 && durableView > view) past[views + view] = 0;
      isOver &&= durableView > view || (durableLogView === view && present > view);
    }
    let first = 0;
    while (first < views && past[views + first] !== -1) first++;
    // Views below `first` have all started, so whatever starts later starts above them.
    let longest = 0;
    for (let view = 0; view < first; view++) {
      const acked = past[view] as number;
      if (acked !== -1 && this.#prepares.opOf(acked) > this.#prepares.opOf(longest)) longest = acked;
      past[view] = -1;
    }
    past[0] = longest;
  }

  /** The last op that a quorum of view and primary `node` has: what its acks, if they all arrived, would commit. */
  #quorumOf(node: number, facts: Facts, messages: Int32Array, count: number): number {
    const acked = this.#acked;
    acked.fill(0);
    acked[node] = facts.keptHead;
    for (let at = 0; at < count; at++) {
      const { acks, view, from } = this.#messages.get(messages[at] as number);
      if (acks === -1 || view !== facts.view || primaryOfView(view) !== node) continue;
      if (!this.#prepares.contains(facts.head, acks)) continue;
      if (this.#prepares.opOf(acks) > this.#prepares.opOf(acked[from] as number)) acked[from] = acks;
    }
    // The second of three: a replication quorum has it.
    let best = 0;
    let second = 0;
    for (let from = 0; from < N; from++) {
      const id = acked[from] as number;
      if (this.#prepares.opOf(id) > this.#prepares.opOf(best)) {
        second = best;
        best = id;
      } else if (this.#prepares.opOf(id) > this.#prepares.opOf(second)) second = id;
    }
    return second;
  }

  #noteAcked(past: Int32Array, view: number, id: number): string | null {
    const prepares = this.#prepares;
    if (id === 0) return null;
    const before = past[view] as number;
    if (before !== -1 && !prepares.areOneChain(before, id)) return `two chains are acked in view ${view}`;
    if (before !== -1 && prepares.opOf(id) <= prepares.opOf(before)) return null;
    past[view] = id;
    this.reached.ackedOps = Math.max(this.reached.ackedOps, prepares.opOf(id) - this.#baseOp);
    for (let other = 0; other < this.#views; other++) {
      const theirs = past[other] as number;
      if (theirs !== -1 && !prepares.areOneChain(theirs, id)) return 'two chains are committed';
      const started = past[this.#views + other] as number;
      if (other > view && started > 0 && !prepares.contains(started, id))
        return `an op is acked in view ${view} after view ${other} was started without it`;
    }
    return null;
  }

  #longest(past: Int32Array): number {
    let longest = 0;
    for (let view = 0; view < this.#views; view++) {
      const id = past[view] as number;
      if (id !== -1 && this.#prepares.opOf(id) > this.#prepares.opOf(longest)) longest = id;
    }
    return longest;
  }

  #compareLogs(nodes: readonly Facts[]): string | null {
    for (let i = 0; i < N; i++) {
      const one = nodes[i] as Facts;
      for (let j = i + 1; j < N; j++) {
        const other = nodes[j] as Facts;
        if (!one.isNormal || !other.isNormal || one.view !== other.view) continue;
        if (!this.#prepares.areOneChain(one.head, other.head))
          return `there are two logs in view ${one.view}`;
      }
    }
    return null;
  }

  #countCopies(committed: number, nodes: readonly Facts[]): string | null {
    const prepares = this.#prepares;
    for (let id = committed; prepares.opOf(id) > this.#baseOp; id = prepares.parentOf(id)) {
      let copies = 0;
      for (const { bodies, bodiesFrom } of nodes)
        if (bodies.includes(id) || prepares.contains(bodiesFrom, id)) copies++;
      if (copies < this.#copiesMin)
        return `op ${prepares.opOf(id)} was acked, and ${copies} of ${this.#copiesMin} copies are left`;
    }
    return null;
  }
}
