import type { PersistWrite, ReplicaEvent } from '@vireo/vsr';
import { type Checker, type ReplicaContext, type Standing, Violation } from './checker.ts';
import type { GhostReplica } from './ghost.ts';

/**
 * Checker 9: an op that a replica knows to be committed does not leave its log except by being executed; and in a view
 * that it is normal in its log only grows, for what it cut may have been acked (erratum E6): a StartView of that view,
 * asked for or not, is not taken up, which would show by a new state record.
 */
export class NoTruncation implements Checker {
  readonly name = '9 no truncation';

  /** Whose state record was handed out since its last step. */
  readonly #recorded = new Set<GhostReplica>();

  persists({ self }: ReplicaContext, _token: number, write: PersistWrite): void {
    if (write.type === 'state') this.#recorded.add(self);
  }

  stepped({ ghost, self, replica }: ReplicaContext, before: Standing, event: ReplicaEvent | null): void {
    const { state } = replica;
    const isSameLog = state.epoch === before.epoch && state.logView === before.logView;
    const hasRecorded = this.#recorded.delete(self);
    const isNormal = before.status === 'normal' && before.logView === before.view;
    if (
      hasRecorded &&
      isNormal &&
      isSameLog &&
      event?.type === 'message' &&
      event.message.type === 'startView'
    ) {
      if (event.message.epoch === before.epoch && event.message.view === before.view) {
        throw new Violation(
          this.name,
          `node ${self.node}, group ${self.group}: takes up a StartView of view ${before.view}, in which it is normal`,
        );
      }
    }
    const head = state.commitMin + state.log.length;
    if (isSameLog && state.status === 'normal' && before.status === 'normal') {
      if (head < before.commitMin + before.log.length) {
        throw new Violation(
          this.name,
          `node ${self.node}, group ${self.group}: cut its log to op ${head} in view ${state.view}, in which it is normal`,
        );
      }
    }
    for (const [index, checksum] of before.log.entries()) {
      const op = before.commitMin + 1 + index;
      if (op > before.commitMax) return;
      if (op <= state.commitMin || state.log[op - state.commitMin - 1]?.header.checksum === checksum)
        continue;
      // A leftover of an older view in the place of a committed op has to go.
      if (ghost.committed(self.group, op)?.header.checksum !== checksum) continue;
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: dropped op ${op}, committed up to ${before.commitMax}`,
      );
    }
  }
}
