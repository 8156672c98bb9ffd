import type { Durability } from '@vireo/protocol';
import type { Replica } from '@vireo/vsr';
import type { GroupContext, HostedGroup } from './hosted-group.ts';

/** Tells the node's log what has changed in one replica since it was last looked at. */
export class ReplicaNews {
  readonly #told: Pick<GroupContext, 'log' | 'stats'>;
  #seenView = -1;
  #seenLeading = false;
  #seenRecovering = false;
  #seenMode: Durability | null = null;
  #seenLossEpoch = -1;
  #seenDiverged: Replica['state']['diverged'] = 'no';

  constructor(told: Pick<GroupContext, 'log' | 'stats'>) {
    this.#told = told;
  }

  /** Once a turn, when the replica has settled. */
  tell(group: HostedGroup): void {
    const { replica, recovering } = group;
    const { view, status, commitMax, commitMin, mode, appliedLossEpoch, diverged } = replica.state;
    const { stats, log } = this.#told;
    if (recovering !== this.#seenRecovering) {
      this.#seenRecovering = recovering;
      const fields = { group: group.id, view, op: replica.op, commit: commitMin };
      if (recovering) log.event('warn', 'group.recovering', { ...fields, reason: status });
      else log.event('info', 'group.recovered', fields);
    }
    if (diverged !== this.#seenDiverged) {
      this.#seenDiverged = diverged;
      if (diverged !== 'no')
        log.event('error', 'group.diverged', { group: group.id, who: diverged, view, commit: commitMin });
    }
    if (mode !== this.#seenMode) {
      if (this.#seenMode !== null)
        log.event('info', 'group.modeChanged', { group: group.id, mode, commit: commitMin });
      this.#seenMode = mode;
    }
    if (appliedLossEpoch !== this.#seenLossEpoch) {
      if (this.#seenLossEpoch >= 0) {
        const fields = { group: group.id, lossEpoch: appliedLossEpoch, view, commit: commitMin };
        log.event('error', 'group.coldStarted', fields);
      }
      this.#seenLossEpoch = appliedLossEpoch;
    }
    if (view !== this.#seenView) {
      if (this.#seenView >= 0) stats.viewChanges++;
      const from = this.#seenView < 0 ? null : this.#seenView;
      log.event('info', 'view.changed', { group: group.id, view, from, status, primary: group.primary });
      this.#seenView = view;
      this.#seenLeading = false;
    }
    if (group.leading && !this.#seenLeading) {
      this.#seenLeading = true;
      log.event('info', 'primary.elected', { group: group.id, view, op: replica.op, commitMax });
    }
  }
}
