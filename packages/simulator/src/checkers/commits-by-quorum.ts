import type { Message } from '@vireo/vsr';
import { type Checker, type ReplicaContext, Violation } from './checker.ts';
import type { GhostReplica } from './ghost.ts';

/** Replicas that commit an op, the primary included: the design's table, not the core's. */
const replicationQuorum = [0, 1, 2, 2, 2, 3, 3] as const;

/** Views of the next epoch come behind all of the one before. */
const viewsPerEpoch = 2 ** 32;

/**
 * Part of checker 2: an op is committed by a primary with acks that were sent in its view, and nobody else takes for
 * committed what no primary has. Acks of an older view, or of an earlier time in which it led, say nothing of the log
 * that it has now, nor does a journal after a restart; the loss shows only much later, or at n = 5 alone.
 */
export class CommitsByQuorum implements Checker {
  readonly name = '2 acked is kept';
  /** By replica and view: the op up to which it has acked. */
  readonly #acked = new Map<GhostReplica, Map<number, number>>();
  /** By group: the op up to which some primary has committed. */
  readonly #committed = new Map<number, number>();

  sends(context: ReplicaContext, _to: number, message: Message): void {
    // A message may be all that remains of a step in which the process dies.
    this.#check(context);
    if (message.type !== 'prepareOk') return;
    let views = this.#acked.get(context.self);
    if (views === undefined) {
      views = new Map();
      this.#acked.set(context.self, views);
    }
    const view = message.epoch * viewsPerEpoch + message.view;
    views.set(view, Math.max(message.op, views.get(view) ?? 0));
  }

  recovered(context: ReplicaContext): void {
    this.#check(context);
  }

  stepped(context: ReplicaContext): void {
    this.#check(context);
  }

  #check({ ghost, self, replica }: ReplicaContext): void {
    const { commitMax, status, started, epoch, view } = replica.state;
    const known = this.#committed.get(self.group) ?? 0;
    if (commitMax <= known) return;
    const where = `node ${self.node}, group ${self.group}`;
    if (status !== 'normal' || !started || replica.primary !== self.node) {
      throw new Violation(this.name, `${where}: takes op ${commitMax} for committed, known is ${known}`);
    }
    const members = ghost.members.get(self.group) ?? [];
    let copies = 1;
    for (const node of members) {
      if (node === self.node) continue;
      const views = this.#acked.get(ghost.replica(node, self.group));
      if ((views?.get(epoch * viewsPerEpoch + view) ?? 0) >= commitMax) copies += 1;
    }
    const wanted = replicationQuorum[members.length] ?? 1;
    if (copies < wanted) {
      throw new Violation(
        this.name,
        `${where}: commits op ${commitMax} of view ${view} by ${copies} of ${wanted} replicas`,
      );
    }
    this.#committed.set(self.group, commitMax);
  }
}
