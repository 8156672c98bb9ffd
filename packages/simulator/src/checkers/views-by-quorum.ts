import type { Message } from '@vireo/vsr';
import { type Checker, type ReplicaContext, type Standing, Violation } from './checker.ts';

/** Replicas that must want to leave a view, by the size of the group: the design's table, not the core's. */
const viewChangeQuorum = [0, 1, 2, 2, 3, 3, 4] as const;

/**
 * Part of liveness: nobody takes a group to a view alone. A view that none has promised yet is entered when a
 * view-change quorum said StartViewChange in the one before it, or by the restarted primary of that one; a deaf
 * replica that raised its view by itself would drag all others along, again and again (erratum E12). And nobody
 * leaves a view that it is normal in but for a higher one (E7).
 */
export class ViewsByQuorum implements Checker {
  readonly name = 'liveness';
  /** By group, epoch and view: who said StartViewChange in it. */
  readonly #suspicions = new Map<string, Set<number>>();
  /** By group and epoch: the highest view that any replica has promised. */
  readonly #promised = new Map<string, number>();

  sends({ self }: ReplicaContext, _to: number, message: Message): void {
    if (message.type !== 'startViewChange') return;
    const key = `${self.group}/${message.epoch}/${message.view}`;
    const saidBy = this.#suspicions.get(key) ?? new Set();
    this.#suspicions.set(key, saidBy.add(self.node));
  }

  recovered({ self, replica }: ReplicaContext): void {
    this.#promise(self.group, replica.state.epoch, replica.state.view);
  }

  stepped({ ghost, self, replica }: ReplicaContext, before: Standing): void {
    const { epoch, view, logView, status } = replica.state;
    // Who has agreed to a cold start takes no part in its epoch any more, and changes no view by that.
    if (status === 'viewChange' && logView === view && !ghost.overspent.has(self.group)) {
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: is in the change to view ${view}, of which it has the log`,
      );
    }
    if (view === before.view && epoch === before.epoch) return;
    if (epoch === before.epoch && view > this.#promisedIn(self.group, epoch)) {
      const saidBy = new Set(this.#suspicions.get(`${self.group}/${epoch}/${view - 1}`)).add(self.node);
      const wanted = viewChangeQuorum[ghost.members.get(self.group)?.length ?? 1] ?? 1;
      if (saidBy.size < wanted) {
        throw new Violation(
          this.name,
          `node ${self.node}, group ${self.group}: enters view ${view}, which ${saidBy.size} of ${wanted} wanted`,
        );
      }
    }
    this.#promise(self.group, epoch, view);
  }

  #promisedIn(group: number, epoch: number): number {
    return this.#promised.get(`${group}/${epoch}`) ?? 0;
  }

  #promise(group: number, epoch: number, view: number): void {
    this.#promised.set(`${group}/${epoch}`, Math.max(view, this.#promisedIn(group, epoch)));
  }
}
