import { type Message, primaryOf, type ReplicaEvent } from '@vireo/vsr';
import { type Checker, type ReplicaContext, type Standing, Violation } from './checker.ts';

/** Replicas that must want to leave a view, by the size of the group: the design's table, not the core's. */
const viewChangeQuorum = [0, 1, 2, 2, 3, 3, 4] as const;

/**
 * Part of liveness: nobody takes a group to a view alone. A view that none has promised yet is entered when a
 * view-change quorum said StartViewChange in the one before it, or by the restarted primary of that one; a deaf
 * replica that raised its view by itself would drag all others along, again and again (erratum E12). Or a primary that
 * was asked to hand over promises the next view of its successor, which has acknowledged its whole log. And nobody
 * leaves a view that it is normal in but for a higher one (E7).
 */
export class ViewsByQuorum implements Checker {
  readonly name = 'liveness';
  /** By group, epoch and view: who said StartViewChange in it. */
  readonly #suspicions = new Map<string, Set<number>>();
  /** By node, group, epoch and view that it leads: to whom it was asked to hand over. */
  readonly #successors = new Map<string, Set<number>>();
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

  stepped(context: ReplicaContext, before: Standing, event: ReplicaEvent | null): void {
    const { ghost, self, replica } = context;
    const { epoch, view, logView, status } = replica.state;
    if (event?.type === 'handOver' && before.status === 'normal' && replica.primary === self.node) {
      const key = `${self.node}/${self.group}/${epoch}/${before.view}`;
      this.#successors.set(key, (this.#successors.get(key) ?? new Set()).add(event.to));
    }
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
      if (saidBy.size < wanted && !this.#isHandedOver(context, before)) {
        throw new Violation(
          this.name,
          `node ${self.node}, group ${self.group}: enters view ${view}, which ${saidBy.size} of ${wanted} wanted`,
        );
      }
    }
    this.#promise(self.group, epoch, view);
  }

  /** Whether the view is the next one of whom the replica was asked to hand over to. */
  #isHandedOver({ ghost, self, replica }: ReplicaContext, before: Standing): boolean {
    const { epoch, view } = replica.state;
    const asked = this.#successors.get(`${self.node}/${self.group}/${epoch}/${before.view}`);
    const members = ghost.members.get(self.group) ?? [];
    const to = primaryOf(members, view);
    if (asked?.has(to) !== true || view - before.view > members.length) return false;
    const head = before.commitMin + before.log.length;
    const checksum = before.log.at(-1) ?? ghost.committed(self.group, head)?.header.checksum ?? '';
    const successor = ghost.replica(to, self.group);
    // What it has executed it need not have acknowledged by itself; of one that died since, only the disk is known.
    const isHeld = successor.acks.get(head)?.checksum === checksum || successor.everDurable.has(checksum);
    if (isHeld || successor.appliedOp >= head || successor.appliedOp < 0) return true;
    throw new Violation(
      this.name,
      `node ${self.node}, group ${self.group}: hands over to node ${to}, which has not acknowledged op ${head}`,
    );
  }

  #promisedIn(group: number, epoch: number): number {
    return this.#promised.get(`${group}/${epoch}`) ?? 0;
  }

  #promise(group: number, epoch: number, view: number): void {
    this.#promised.set(`${group}/${epoch}`, Math.max(view, this.#promisedIn(group, epoch)));
  }
}
