import { decodePayload, type Prepare, PrepareKind, prepareBody } from '@vireo/protocol';
import { type Checker, type ReplicaContext, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

interface Topic {
  readonly id: number;
  readonly name: string;
  readonly groups: readonly number[];
}

/**
 * Checker 16: a partition exists only by its committed op, and its files go only after a tombstone. It reads the
 * committed metadata log with a model of its own, which knows of topics no more than names and numbers. A node
 * hosts a group only after it has executed the op that created it, with the members named there; it removes what
 * the group has promised only when its own metadata snapshot has forgotten the group, or a start would find the
 * group in metadata and its files gone.
 */
export class PartitionLife implements Checker {
  readonly name = '16 partitions by committed ops';
  readonly #topics = new Map<string, Topic>();
  readonly #members = new Map<number, readonly number[]>();
  #nextTopic = 1;
  #nextGroup = 1;
  /** By node: the highest metadata op that any of its processes executed. */
  readonly #executed = new Map<number, number>();

  applied(ghost: Ghost, self: GhostReplica, prepare: Prepare): void {
    if (self.group !== 0) return;
    const { op, kind } = prepare.header;
    this.#executed.set(self.node, Math.max(op, this.#executed.get(self.node) ?? 0));
    if (op === ghost.log(0).length + 1 && kind === PrepareKind.metadata) this.#learn(ghost, prepare);
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
    const members = this.#members.get(group) ?? [];
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

  #learn(ghost: Ghost, prepare: Prepare): void {
    const { op: place } = prepare.header;
    const decoded = decodePayload(prepareBody(prepare));
    if (!decoded.ok) throw new Violation(this.name, `metadata op ${place} does not decode`);
    const op = decoded.value as Record<string, unknown>;
    if (op.op === 'createTopic') {
      const name = `${String(op.stream)}/${String(op.name)}`;
      // Refused: the workload makes no other refusal than this one.
      if (this.#topics.has(name)) return;
      const members = op.members as readonly (readonly number[])[];
      const groups = members.map((each) => {
        const group = this.#nextGroup++;
        this.#members.set(group, each);
        ghost.created.set(group, place);
        ghost.createdMode.set(group, op.durability === 'memory' ? 'memory' : 'disk');
        return group;
      });
      this.#topics.set(name, { id: this.#nextTopic++, name, groups });
    } else if (op.op === 'deleteTopic') {
      const topic = [...this.#topics.values()].find(({ id }) => id === op.topicId);
      if (topic === undefined) return;
      this.#topics.delete(topic.name);
      for (const group of topic.groups) ghost.deleted.set(group, place);
    }
  }
}
