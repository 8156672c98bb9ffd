import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@vireo/client';
import type { Schedule } from '@vireo/simulator';
import type { TestCluster, Workload } from '../harness/index.ts';

type Step = Schedule['steps'][number];
type Trigger = NonNullable<Step['when']>;
type Action = NonNullable<Step['do']>[number];
type Who = Extract<Action, { readonly type: 'kill' }>['node'];

/** A step that has not come by then does not come. */
const stepMs = 20_000;

/** What of a scenario can not be seen or done from outside of a process; null: all of it can. */
export function beyondProcesses({ profile, steps, expect }: Schedule): string | null {
  if (profile.nodes !== 3 || profile.faults.length > 0) return 'other nodes, or timed faults';
  // Floors are counts of the simulator's own: what they count comes with the steps.
  if (expect.kept !== undefined || expect.dropped !== undefined) return 'looks into the log at its end';
  for (const { when, before, note, do: actions = [] } of steps) {
    if (when !== undefined && when.event !== 'leads' && when.event !== 'acked')
      return `waits for ${when.event}`;
    if (before === true || note !== undefined) return 'acts in the middle of a step';
    const action = actions.find(
      ({ type }) => type === 'holdDisk' || type === 'releaseDisk' || type === 'fault',
    );
    if (action !== undefined) return `does ${action.type}`;
    if (actions.some((each) => each.type === 'cut' && [...each.from, ...each.to].includes('clients')))
      return 'cuts clients off';
  }
  return null;
}

/**
 * Goes through the steps of a scenario with real processes: signals, and proxies between every two nodes. Power can not
 * be cut here: a process that loses it is killed, and what it wrote stays.
 */
export class ProcessPlayer {
  readonly #cluster: TestCluster;
  readonly #client: Client;
  readonly #workload: Workload;
  readonly #names = new Map<string, number>();

  constructor(cluster: TestCluster, client: Client, workload: Workload) {
    this.#cluster = cluster;
    this.#client = client;
    this.#workload = workload;
  }

  async play(steps: readonly Step[]): Promise<void> {
    for (const [index, { when, after = 0, as, do: actions = [] }] of steps.entries()) {
      const node = when === undefined ? null : await this.#wait(when, index + 1);
      if (as !== undefined && node !== null) this.#names.set(as, node);
      if (after > 0) await sleep(after / 1000);
      for (const action of actions) await this.#act(action);
    }
  }

  /** The node at which it came; null where that is none. */
  async #wait(trigger: Trigger, number: number): Promise<number | null> {
    const acked = this.#workload.acked;
    for (const end = Date.now() + stepMs; Date.now() < end; await sleep(10)) {
      if (trigger.event === 'acked') {
        if (this.#workload.acked - acked >= trigger.records) return null;
      } else if (trigger.event === 'leads') {
        const leader = await this.#leader(trigger);
        if (leader !== null) return leader;
      }
    }
    throw new Error(`step ${number} has not come: ${JSON.stringify(trigger)}`);
  }

  async #leader({
    group,
    node,
    view = 0,
  }: Extract<Trigger, { readonly event: 'leads' }>): Promise<number | null> {
    let best: { readonly id: number; readonly view: number } | null = null;
    for (const { id } of this.#cluster.nodes) {
      if (!this.#cluster.running(id) || !this.#matches(node, id)) continue;
      const states = await this.#client.admin.groupStates(id, { deadlineMs: 1_000 }).catch(() => null);
      const state = states?.groups.find((each) => each.group === group);
      if (state?.role !== 'primary' || state.status !== 'normal' || state.view < view) continue;
      // One that was cut off may still take itself for it.
      if (best === null || state.view > best.view) best = { id, view: state.view };
    }
    return best?.id ?? null;
  }

  async #act(action: Action): Promise<void> {
    const cluster = this.#cluster;
    switch (action.type) {
      case 'kill':
        await cluster.kill(this.#node(action.node));
        return;
      case 'killAll':
        await Promise.all(cluster.nodes.map(({ id }) => cluster.kill(id)));
        return;
      case 'restart':
        await this.#start(this.#node(action.node));
        return;
      case 'restartAll':
        await Promise.all(cluster.nodes.map(({ id }) => this.#start(id)));
        return;
      case 'pause':
        cluster.signal(this.#node(action.node), 'SIGSTOP');
        return;
      case 'resume':
        cluster.signal(this.#node(action.node), 'SIGCONT');
        return;
      case 'cut':
        for (const from of action.from) {
          for (const to of action.to) this.#cut(this.#node(from), this.#node(to), action.both === true);
        }
        return;
      case 'heal':
        this.heal();
        return;
      case 'nameBackups': {
        const leader = await this.#leader({ event: 'leads', group: action.group });
        const backups = cluster.nodes.map(({ id }) => id).filter((id) => id !== leader);
        for (const [index, name] of action.names.entries()) {
          const backup = backups[index];
          if (backup !== undefined) this.#names.set(name, backup);
        }
        return;
      }
      default:
        throw new Error(`${action.type} can not be done to a process`);
    }
  }

  /** All links work, and whoever is down is up again. */
  async end(): Promise<void> {
    this.heal();
    for (const { id } of this.#cluster.nodes) {
      this.#cluster.signal(id, 'SIGCONT');
      await this.#start(id);
    }
  }

  heal(): void {
    for (const { id } of this.#cluster.nodes) {
      for (const other of this.#cluster.nodes) if (id < other.id) this.#cluster.between(id, other.id).heal();
    }
  }

  #cut(from: number, to: number, both: boolean): void {
    const proxy = this.#cluster.between(from, to);
    // The lower id dials: what it sends goes forward.
    if (from < to || both) proxy.forward.drop = true;
    if (from > to || both) proxy.backward.drop = true;
  }

  async #start(id: number): Promise<void> {
    if (!this.#cluster.running(id)) await this.#cluster.restart(id);
  }

  #node(who: Who): number {
    const id = typeof who === 'number' ? who : this.#names.get(who);
    if (id === undefined) throw new Error(`no step has named ${who}`);
    return id;
  }

  #matches(who: Who | undefined, id: number): boolean {
    if (who === undefined) return true;
    if (typeof who === 'string' && who.startsWith('!')) return this.#names.get(who.slice(1)) !== id;
    return this.#node(who) === id;
  }
}
