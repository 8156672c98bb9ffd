import type { Message, Replica, ReplicaEvent } from '@vireo/vsr';
import type { Standing } from '../checkers/checker.ts';
import type { GhostReplica } from '../checkers/ghost.ts';

/** What must have happened in a batch of runs for its green to mean anything. */
export const floorNames = [
  'view change with an uncommitted suffix',
  'repair',
  'state transfer',
  'restart of a primary',
  'duplicate answered',
  'checkpoint reuse',
  'damage done',
  'op lost to damage',
  'faulty op repaired',
  'recoveringHead left',
  'amnesia left',
  'clean restart in memory',
  'mode switched',
  'group beyond the budget',
  'loss said beyond the budget',
  'process ended by its disk',
  'ruined node refuses',
  'stale read refused',
  'linearizable read at a primary',
  'linearizable read at a backup',
  'leadership handed over',
] as const;
export type FloorName = (typeof floorNames)[number];

/** Counts of one run. */
export class Floors {
  readonly counts: Record<FloorName, number> = {
    'view change with an uncommitted suffix': 0,
    repair: 0,
    'state transfer': 0,
    'restart of a primary': 0,
    'duplicate answered': 0,
    'checkpoint reuse': 0,
    'damage done': 0,
    'op lost to damage': 0,
    'faulty op repaired': 0,
    'recoveringHead left': 0,
    'amnesia left': 0,
    'clean restart in memory': 0,
    'mode switched': 0,
    'group beyond the budget': 0,
    'loss said beyond the budget': 0,
    'process ended by its disk': 0,
    'ruined node refuses': 0,
    'stale read refused': 0,
    'linearizable read at a primary': 0,
    'linearizable read at a backup': 0,
    'leadership handed over': 0,
  };
  readonly #started = new Set<string>();
  #suffixAwaited = false;

  add(name: FloorName, count = 1): void {
    this.counts[name] += count;
  }

  /** A process has opened it. */
  recovered({ state }: Replica): void {
    if (state.mode === 'memory' && state.commitMin > 0 && state.verdict === 'none')
      this.add('clean restart in memory');
  }

  sends(message: Message): void {
    this.#suffixAwaited ||= message.type === 'startView' && message.headers.length > 0;
  }

  stepped(self: GhostReplica, replica: Replica, before: Standing, event: ReplicaEvent | null): void {
    const { state } = replica;
    if (this.#suffixAwaited) {
      this.#suffixAwaited = false;
      // A started view counts once, however often its StartView is sent again.
      const key = `${self.group}/${state.epoch}/${state.view}`;
      if (!this.#started.has(key)) this.add('view change with an uncommitted suffix');
      this.#started.add(key);
    }
    if (before.status === 'recoveringHead' && state.status !== 'recoveringHead')
      this.add('recoveringHead left');
    if (before.status === 'amnesiac' && state.status !== 'amnesiac') this.add('amnesia left');
    if (before.mode !== state.mode) this.add('mode switched');
    if (event?.type === 'transferred') this.add('state transfer');
    if (before.view < state.view && state.handOverView === state.view) this.add('leadership handed over');
    for (const op of before.faulty) {
      const entry = state.log[op - state.commitMin - 1];
      if (op <= state.commitMin || (entry !== undefined && !entry.faulty)) this.add('faulty op repaired');
    }
    if (event?.type !== 'message' || event.message.type !== 'repair' || event.message.prepares.length === 0)
      return;
    const head = state.commitMin + state.log.length;
    if (head > before.commitMin + before.log.length || state.commitMin > before.commitMin) this.add('repair');
  }
}
