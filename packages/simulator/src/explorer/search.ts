import { ZERO_CHECKSUM } from '@vireo/protocol';
import { type ActionKind, actionKind, encodeAction } from './actions.ts';
import { begin } from './beginning.ts';
import { type Bounds, N } from './bounds.ts';
import { cost, spend, used, whoGoesOn } from './budget.ts';
import { Driver } from './driver.ts';
import { GroupRules } from './group-rules.ts';
import { IntLists } from './int-lists.ts';
import type { Facts, LocalState, Step } from './local-state.ts';
import { LocalTable } from './local-table.ts';
import { changesUse, MessageUse } from './message-use.ts';
import { Messages, mayReceive } from './messages.ts';
import { Prepares } from './prepares.ts';
import { column, StateStore } from './state-store.ts';
import { canGoOn } from './survivors.ts';

/** What a search found. */
export interface Outcome {
  /** Everything within the bounds was seen. */
  readonly isComplete: boolean;
  /** The bound that ended it before everything was seen. */
  readonly limit: 'seconds' | 'states' | null;
  readonly states: number;
  readonly transitions: number;
  readonly localStates: number;
  readonly localSteps: number;
  /** What came to pass at all: a search that saw none of it has shown nothing. */
  readonly reached: { readonly ackedOps: number; readonly viewsStarted: number; readonly recoveries: number };
  readonly violation: { readonly rule: string; readonly at: number; readonly action: number } | null;
}

/** How often progress is told, in states. */
const PROGRESS_STATES = 500_000;

/**
 * Searches all that can happen to a group within bounds, breadth first. A state of the group is three nodes, the
 * messages ever sent, and what is remembered of the past; every action changes one node and may add messages.
 *
 * Messages are never taken away: each may be delivered at any time, again, or not at all, which is delay, reordering,
 * duplication and loss at once. Those that nobody can look at any more are dropped from the state.
 *
 * What one node does without sending anything new is invisible to the others, but for repair, which reads a log. So it
 * can as well come later, just before the next thing that this node does, and after such a step only this node goes
 * on (or somebody is repaired from it). Runs that differ in nothing else are searched once. Clients see that a primary
 * commits, and the bound of failures sees that a node has its copies back, so steps that do this are not invisible.
 *
 * States that differ in nothing which a later step could see are one (`bounds.reduced`). Each such reduction stands where
 * it is made: fields that nobody reads (`forgetUnread`), records that no start can use (`LocalTable`), the moment in
 * which a start has copied its record and the number of runs (`Driver`), messages (`MessageUse`), views that cannot
 * start any more (`GroupRules.forget`). Where one takes for granted what a defect could break, the code is asked first.
 */
export class Search {
  readonly bounds: Bounds;
  readonly driver: Driver;
  readonly lists = new IntLists();
  readonly store = new StateStore(this.lists);
  readonly pasts = new IntLists();
  readonly #rules: GroupRules;
  readonly #messages: Messages;
  readonly #use: MessageUse;
  #transitions = 0;
  #violation: Outcome['violation'] = null;

  // Work space of one expansion.
  readonly #row = new Int32Array(9);
  readonly #locals: LocalState[] = [];
  readonly #facts: Facts[] = [];
  readonly #stored = new Int32Array(4096);
  #storedCount = 0;
  /** What may be delivered: the messages of the state; while a node starts anew, as they are from then on. */
  #sent = this.#stored;
  #sentCount = 0;
  readonly #stale = new Int32Array(4096);
  readonly #merged = new Int32Array(4096);
  readonly #past: Int32Array;
  #index = 0;
  /** Pairs of nodes that were seen to be able to go on. */
  readonly #pairs = new Set<number>();
  #budget = 0;

  constructor(bounds: Bounds) {
    this.bounds = bounds;
    const prepares = new Prepares(ZERO_CHECKSUM);
    this.#messages = new Messages(prepares);
    this.driver = new Driver(new LocalTable(bounds, prepares, this.#messages), bounds);
    const dropsLogs = this.driver.table.forgetsRuns && !bounds.onlyAcked;
    this.#use = new MessageUse(this.#messages, bounds, this.#facts, dropsLogs);
    const { nodes, messages, base } = begin(this.driver);
    this.#rules = new GroupRules(prepares, this.#messages, bounds, prepares.opOf(base));
    this.#past = this.#rules.newPast(base);
    const sorted = [...messages].sort((a, b) => a - b);
    this.#row.set([
      ...nodes,
      this.pasts.intern(this.#past, this.#past.length),
      this.lists.intern(sorted, sorted.length),
      0,
      -1,
    ]);
    this.store.add(this.#row);
  }

  /** `onProgress`: called now and then with the states found, and how many of them are searched. */
  run(onProgress: (found: number, searched: number) => void = () => {}): Outcome {
    const endMs = performance.now() + this.bounds.secondsMax * 1000;
    const { store } = this;
    let limit: Outcome['limit'] = null;
    for (let index = 0; index < store.count && this.#violation === null; index++) {
      if (index % 1024 === 0) {
        if (performance.now() > endMs) limit = 'seconds';
        else if (store.count > this.bounds.statesMax) limit = 'states';
        if (limit !== null) break;
      }
      if (index % PROGRESS_STATES === PROGRESS_STATES - 1) onProgress(store.count, index + 1);
      if (!store.isOutdone(index)) this.#expand(index);
    }
    if (limit === null && this.#violation === null) this.#violation = this.#takenUpTwice();
    return {
      isComplete: limit === null && this.#violation === null,
      limit,
      states: store.count - store.outdone,
      transitions: this.#transitions,
      localStates: this.driver.table.size,
      localSteps: this.driver.steps,
      reached: { ...this.#rules.reached, recoveries: this.driver.recoveries },
      violation: this.#violation,
    };
  }

  /** See `MessageUse`: what was dropped was of no use to anybody. */
  #takenUpTwice(): Outcome['violation'] {
    const found = this.#use.findTakenUpTwice(this.driver);
    if (found === null) return null;
    const { node, id } = found.local;
    let at = 0;
    while (at < this.store.count - 1 && this.store.get(at, column.node0 + node) !== id) at++;
    const action = encodeAction(actionKind.deliver, node, found.message);
    return { rule: 'a log is taken up of a view whose log was taken up before', at, action };
  }

  #expand(index: number): void {
    const { store } = this;
    this.#index = index;
    const { table } = this.driver;
    for (let node = 0; node < N; node++) {
      const local = table.get(store.get(index, column.node0 + node));
      this.#locals[node] = local;
      this.#facts[node] = local.facts;
    }
    this.#storedCount = this.lists.read(store.get(index, column.messages), this.#stored);
    this.#sentCount = this.#storedCount;
    this.#budget = store.get(index, column.budget);
    const goesOn = whoGoesOn(this.#budget);
    for (let node = 0; node < N; node++) {
      if (goesOn === -1 || goesOn === node) this.#actionsOf(node);
      else this.#repairs(node, goesOn);
    }
  }

  #actionsOf(node: number): void {
    const { driver, bounds } = this;
    const local = this.#locals[node] as LocalState;
    if (local.pending.length > 0) this.#follow(actionKind.flush, node, 0, driver.flush(local), cost.none);
    if (this.#has(cost.crash, bounds.crashes) && this.#mayFail(node))
      this.#restart(actionKind.crash, node, driver.crash(local), cost.crash);
    if (this.#has(cost.clean, bounds.cleans)) {
      const step = driver.restartCleanly(local);
      if (step !== null) this.#restart(actionKind.clean, node, step, cost.clean);
    }
    this.#joins(node);
    for (let at = 0; at < this.#sentCount; at++) {
      const id = this.#sent[at] as number;
      const sent = this.#messages.get(id);
      if (!mayReceive(sent, node) || (sent.asks !== 0 && local.facts.leads)) continue;
      const isNews = this.#messages.isNews(id);
      if (isNews && !this.#has(cost.news, bounds.news)) continue;
      this.#follow(actionKind.deliver, node, id, driver.deliver(local, id), isNews ? cost.news : cost.none);
    }
    if (local.facts.takesRequests && this.#has(cost.op, bounds.ops)) {
      const value = used(this.#budget, cost.op);
      this.#follow(actionKind.request, node, value, driver.request(local, value), cost.op);
    }
    for (let peer = 0; peer < N; peer++) this.#repairs(node, peer);
  }

  /** A node starts anew: what was for the run before is stale. */
  #restart(kind: ActionKind, node: number, step: Step, units: number): void {
    if (this.bounds.mode === 'memory' && this.driver.table.forgetsRuns) this.#makeStale(node);
    this.#follow(kind, node, 0, step, units);
    this.#sent = this.#stored;
    this.#sentCount = this.#storedCount;
  }

  #makeStale(node: number): void {
    const stale = this.#stale;
    let count = 0;
    for (let at = 0; at < this.#storedCount; at++) {
      const id = this.#messages.staleOf(this.#stored[at] as number, node);
      if (id !== -1) stale[count++] = id;
    }
    stale.subarray(0, count).sort();
    let kept = 0;
    for (let at = 0; at < count; at++)
      if (at === 0 || stale[at] !== stale[at - 1]) stale[kept++] = stale[at] as number;
    this.#sent = stale;
    this.#sentCount = kept;
  }

  /**
   * Suspicions. Whoever is in a view may say at any time that it suspects the primary, and a view that anybody is in was
   * come to from the one before: so of every view up to the highest durable one somebody may have said so.
   */
  #joins(node: number): void {
    const { view } = this.#facts[node] as Facts;
    let from = -1;
    let highest = -1;
    for (let other = 0; other < N; other++) {
      const { durableView } = this.#facts[other] as Facts;
      if (other === node || durableView <= highest) continue;
      highest = durableView;
      from = other;
    }
    const last = Math.min(highest, this.bounds.views - 1);
    for (let heard = view + 1; heard <= last; heard++) this.#join(node, from, heard);
    if (highest === view && view < this.bounds.views - 1) this.#join(node, from, view);
  }

  #join(node: number, from: number, view: number): void {
    const step = this.driver.hearSuspicion(this.#locals[node] as LocalState, from, view);
    this.#follow(actionKind.join, node, view * N + from, step, cost.none);
  }

  #has(unit: number, max: number): boolean {
    return used(this.#budget, unit) < max;
  }

  /** In mode `memory` a crash costs copies: with those that others have lost and not got back no more than one has. */
  #mayFail(node: number): boolean {
    if (this.bounds.mode === 'disk') return true;
    return this.#facts.every((facts, other) => other === node || !facts.isFailed);
  }

  #repairs(node: number, peer: number): void {
    const local = this.#locals[node] as LocalState;
    if (local.facts.wants < 0 || peer === node) return;
    this.#follow(
      actionKind.repair,
      node,
      peer,
      this.driver.repair(local, this.#locals[peer] as LocalState),
      cost.none,
    );
  }

  /** Adds the state that a step leads to. `units`: what it takes from the budget. */
  #follow(kind: ActionKind, node: number, argument: number, first: Step, units: number): void {
    if (this.#violation !== null) return;
    const local = this.#locals[node] as LocalState;
    const { bounds } = this;
    this.#use.newsEnded = bounds.reduced && used(this.#budget + units, cost.news) >= bounds.news;
    const step = bounds.slowDisk ? first : this.#written(node, first);
    const { problem, end } = step;
    // Who stops has lost nothing yet.
    if (problem !== null && (end === 'unreadable' || !this.bounds.onlyAcked)) {
      this.#fail(problem, kind, node, argument);
      return;
    }
    if (end !== 'none') return;
    const after = this.driver.table.get(step.to);
    if (after.pending.length > this.bounds.writes) return;
    this.#locals[node] = after;
    this.#facts[node] = after.facts;
    const sent = this.bounds.mode === 'memory' ? this.#withAnswers(step.sent) : step.sent;
    const adds = this.#addsMessages(sent);
    this.#locals[node] = local;
    if (step.to === local.id && !adds) {
      this.#facts[node] = local.facts;
      return;
    }
    this.#transitions++;
    const { store } = this;
    const index = this.#index;
    const row = this.#row;
    let count = this.#sentCount;
    let list = this.#sent;
    if (adds || changesUse(local.facts, after.facts)) {
      count = this.#merge(sent);
      list = this.#merged;
    }
    const past = this.#past;
    this.pasts.read(store.get(index, column.past), past);
    const rule =
      (step.startedWith === -1 ? null : this.#rules.noteStart(past, after.facts.view, step.startedWith)) ??
      this.#rules.judge(past, this.#facts, list, count);
    this.#rules.forget(past, this.#facts);
    const stuck = rule === null && this.bounds.live ? this.#stuck(node, after) : null;
    this.#facts[node] = local.facts;
    for (let each = 0; each < N; each++) row[each] = (this.#locals[each] as LocalState).id;
    row[node] = step.to;
    row[column.messages] =
      list === this.#stored ? store.get(index, column.messages) : this.lists.intern(list, count);
    row[column.past] = this.pasts.intern(past, past.length);
    // See above: what others cannot see need not come now, but for a repair, which has read another one's log.
    const isSeen = adds || isSeenWithout(local.facts, after.facts);
    const goesOn = isSeen || kind === actionKind.repair ? -1 : node;
    row[column.budget] = spend(this.#budget, units, goesOn);
    row[column.parent] = index;
    row[column.action] = encodeAction(kind, node, argument);
    store.add(row);
    const broken = rule ?? stuck;
    if (broken !== null) this.#fail(broken, kind, node, argument);
  }

  /** A step with the writes that follow from it, up to the first message that is sent. */
  #written(node: number, first: Step): Step {
    const before = this.#locals[node] as LocalState;
    let step = first;
    while (step.end === 'none' && step.problem === null) {
      const local = this.driver.table.get(step.to);
      this.#facts[node] = local.facts;
      const isSeen = isSeenWithout(before.facts, local.facts) || this.#addsMessages(step.sent);
      if (local.pending.length === 0 || isSeen) break;
      step = this.driver.flush(local);
    }
    this.#facts[node] = before.facts;
    return step;
  }

  /** Whether two nodes, one of which has just changed, cannot go on without the third. */
  #stuck(node: number, after: LocalState): string | null {
    for (let other = 0; other < N; other++) {
      const peer = this.#locals[other] as LocalState;
      if (other === node || after.facts.isFailed || peer.facts.isFailed) continue;
      const [low, high] = after.id < peer.id ? [after, peer] : [peer, after];
      const pair = low.id * 2 ** 26 + high.id;
      if (this.#pairs.has(pair)) continue;
      this.#pairs.add(pair);
      if (!canGoOn(this.driver.table, low, high))
        return `nodes ${low.node} and ${high.node} are stuck without the third`;
    }
    return null;
  }

  #fail(rule: string, kind: ActionKind, node: number, argument: number): void {
    this.#violation = { rule, at: this.#index, action: encodeAction(kind, node, argument) };
  }

  /**
   * With what the primaries answer to those who ask for the log of their view. They may do so at any time and as often
   * as the question arrives, so every answer that there could be is taken as given.
   */
  #withAnswers(sent: readonly number[]): readonly number[] {
    let answers: Set<number> | null = null;
    for (let node = 0; node < N; node++) {
      if (!(this.#facts[node] as Facts).leads) continue;
      const local = this.#locals[node] as LocalState;
      for (let at = -sent.length; at < this.#sentCount; at++) {
        const id = (at < 0 ? sent[at + sent.length] : this.#sent[at]) as number;
        const { asks, from } = this.#messages.get(id);
        if (asks === 0 || from === node || !this.#use.isOfUse(id)) continue;
        answers ??= new Set(sent);
        for (const answer of this.driver.deliver(local, id).sent) answers.add(answer);
      }
    }
    return answers === null ? sent : [...answers].sort((a, b) => a - b);
  }

  #addsMessages(sent: readonly number[]): boolean {
    let at = 0;
    if (sent.length === 0) return false;
    for (const id of sent) {
      while (at < this.#sentCount && (this.#sent[at] as number) < id) at++;
      if ((at === this.#sentCount || this.#sent[at] !== id) && this.#use.isOfUse(id)) return true;
    }
    return false;
  }

  /** The messages with those that were just sent, without those that nobody can look at any more. */
  #merge(sent: readonly number[]): number {
    let from = 0;
    let count = 0;
    const take = (id: number): void => {
      if (this.#use.isOfUse(id)) this.#merged[count++] = id;
    };
    for (const id of sent) {
      while (from < this.#sentCount && (this.#sent[from] as number) < id) take(this.#sent[from++] as number);
      if (this.#sent[from] === id && from < this.#sentCount) from++;
      take(id);
    }
    while (from < this.#sentCount) take(this.#sent[from++] as number);
    return count;
  }
}

/** Without a message: a primary answers its clients when it commits; others may fail when a node has its copies back. */
function isSeenWithout(before: Facts, after: Facts): boolean {
  return (after.leads && after.committed !== before.committed) || (before.isFailed && !after.isFailed);
}
