import type { Prepare } from '@vireo/protocol';
import { type Checker, type ReplicaContext, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';
import { MetadataLine } from './metadata-line.ts';

/**
 * Checker 16: a partition exists only by its committed op, and its files go only after a tombstone. It reads the
 * committed metadata log with a model of its own, `MetadataLine`. A node hosts a group only after it has executed the
 * op that created it, with the members named there; it removes what the group has promised only when its own metadata
 * snapshot has forgotten the group, or a start would find the group in metadata and its files gone. What is removed is
 * looked at also once metadata has said that ops may be gone: files are all that is left then of what it lost.
 */
export class PartitionLife implements Checker {
  readonly name = '16 partitions by committed ops';
  readonly #metadata = new MetadataLine();
  /** By node: the highest metadata op that any of its processes executed. */
  readonly #executed = new Map<number, number>();

  applied(ghost: Ghost, self: GhostReplica, prepare: Prepare): void {
    if (self.group !== 0) return;
    this.#executed.set(self.node, Math.max(prepare.header.op, this.#executed.get(self.node) ?? 0));
    this.#follow(ghost, prepare);
  }

  appliedAfterLoss(ghost: Ghost, self: GhostReplica, prepare: Prepare): void {
    if (self.group === 0) this.#follow(ghost, prepare);
  }

  recovered({ ghost, self, replica }: ReplicaContext): void {
    const { group, node } = self;
    if (group === 0) {
      this.#executed.set(node, Math.max(replica.state.commitMin, this.#executed.get(node) ?? 0));
      return;
    }
    const where = `node ${node}, group ${group}`;
    const created = ghost.created.get(group);
    const executed = this.#executed.get(node) ?? 0;
    if (created === undefined || created > executed) {
      throw new Violation(
        this.name,
        `${where}: has a replica; metadata op ${created ?? '?'} creates it, the node has executed ${executed}`,
      );
    }
    const members = this.#metadata.members.get(group) ?? [];
    if (replica.config.members.join() !== members.join()) {
      throw new Violation(
        this.name,
        `${where}: has members ${replica.config.members.join()}, created with ${members.join()}`,
      );
    }
  }

  removes(ghost: Ghost, node: number, path: string, checkpointOf: (group: number) => number | null): void {
    const [, group, base] = /^groups\/(\d+)\/(?:(\d+)\.\w+|.*)$/.exec(path) ?? [];
    if (group === undefined) return;
    const id = Number(group);
    // What was staged of a transfer is nothing that the group has promised; nor is an index, which is made from its segment.
    if (path.startsWith(`groups/${group}/transfer-`) || path.endsWith('.index')) return;
    const own = checkpointOf(id);
    // A segment that begins behind the checkpoint holds nothing yet that the journal does not.
    if (own !== null && base !== undefined && Number(base) > own) return;
    const deleted = ghost.deleted.get(id);
    const known = checkpointOf(0) ?? 0;
    if (deleted === undefined || deleted > known) {
      throw new Violation(
        this.name,
        `node ${node} removes ${path}; group ${id} is deleted by metadata op ${deleted ?? '?'}, its snapshot of ` +
          `metadata is of op ${known}`,
      );
    }
  }

  #follow(ghost: Ghost, prepare: Prepare): void {
    const wrong = this.#metadata.executed(ghost, prepare);
    if (wrong !== null) throw new Violation(this.name, wrong);
  }
}
