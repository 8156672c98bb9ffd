import { quorums } from '@vireo/vsr';
import type { Ghost } from '../checkers/ghost.ts';

/** An op of which a disk loses the only copy that it had. */
export interface LostOp {
  readonly group: number;
  readonly op: number;
  readonly checksum: string;
}

/** What the atlas must know of a replica whose process runs. */
export interface Recovering {
  /** It takes part: neither recovering nor with an entry that is faulty. */
  readonly sound: boolean;
  readonly commitMin: number;
  /** Checksum of the op in its uncommitted log; undefined: not there. */
  checksumAt(op: number): string | undefined;
}

/**
 * Keeps a run recoverable by construction, so that any loss is a bug: at most a minority of each group has failed at
 * once, and of each op that is damaged an intact durable copy exists on a member that has not. A replica has failed
 * while it is recovering, while it has lost ops that it has not got back durably, and for good when its disk is gone;
 * where acks may rest on memory, also from when its process is bound to end until it takes part again.
 */
export class FaultAtlas {
  readonly #ghost: Ghost;
  readonly #memory: boolean;
  readonly #isStrict: boolean;
  /** Nodes whose process ends soon, by a fault that has begun. */
  readonly #doomed = new Set<number>();
  readonly #look: (node: number, group: number) => Recovering | null;
  /** By `node/group`: what a disk has lost and its replica has not got back, as far as it was known when last asked. */
  readonly #lost = new Map<string, LostOp[]>();
  /** Faults that were not done, for they would have gone beyond the budget. */
  skipped = 0;

  /**
   * `memory`: acks of all groups but metadata may rest on memory. `isStrict` false: what would be refused is done, and the
   * groups that it takes too much from are noted as overspent.
   */
  constructor(
    ghost: Ghost,
    look: (node: number, group: number) => Recovering | null,
    memory: boolean,
    isStrict = true,
  ) {
    this.#ghost = ghost;
    this.#look = look;
    this.#memory = memory;
    this.#isStrict = isStrict;
  }

  /** Members of a group that have failed now. */
  failed(group: number): number[] {
    return (this.#ghost.members.get(group) ?? []).filter((node) => this.#hasFailed(node, group));
  }

  /** Whether the node's process may end, and lose its memory. From now on it counts as one that will. */
  dooms(node: number): boolean {
    for (const [group, members] of this.#ghost.members) {
      if (!this.#isVolatile(group) || this.#ghost.deleted.has(group) || !members.includes(node)) continue;
      if (!this.#mayFail(node, group) && !this.#overspends(group)) return false;
    }
    this.#doomed.add(node);
    return true;
  }

  /** Its process has ended, or does not end after all. */
  spares(node: number): void {
    this.#doomed.delete(node);
  }

  /** Whether a whole cluster may lose its memory at once. */
  permitsPowerCut(): boolean {
    if (!this.#memory) return true;
    return [...this.#ghost.members.keys()].every(
      (group) => !this.#isVolatile(group) || this.#overspends(group),
    );
  }

  /** Whether the node may lose the only copies that it has of these ops. */
  permitsDamage(node: number, ops: readonly LostOp[]): boolean {
    for (const group of new Set(ops.map((op) => op.group))) {
      const own = ops.filter((op) => op.group === group);
      if (!this.#canBear(node, group, own) && !this.#overspends(group)) return false;
    }
    return true;
  }

  /** Whether the node may lose all that it has, and stay away. */
  permitsLoss(node: number): boolean {
    for (const [group, members] of this.#ghost.members) {
      if (!members.includes(node) || this.#ghost.deleted.has(group)) continue;
      const all = this.#ghost.log(group).map(({ header: { op, checksum } }) => ({ group, op, checksum }));
      if (!this.#canBear(node, group, all) && !this.#overspends(group)) return false;
    }
    return true;
  }

  /** The damage is done: it took the last copy here of those that are `lost`, and `hit` some that have another as well. */
  damaged(node: number, lost: readonly LostOp[], hit: readonly LostOp[] = lost): void {
    for (const { group, op } of hit) {
      // An index names ranges: whatever lies between two of its ops counts as hit.
      const all = hit.filter((each) => each.group === group).map((each) => each.op);
      const { damagedOps } = this.#ghost.replica(node, group);
      for (let each = op; each <= Math.max(...all); each += 1) damagedOps.add(each);
    }
    for (const op of lost) {
      const key = `${node}/${op.group}`;
      const known = this.#lost.get(key);
      if (known === undefined) this.#lost.set(key, [op]);
      else known.push(op);
      this.#ghost.replica(node, op.group).durable.delete(op.checksum);
    }
  }

  #canBear(node: number, group: number, ops: readonly LostOp[]): boolean {
    if (!this.#mayFail(node, group)) return false;
    const failed = new Set(this.failed(group));
    return ops.every((op) => this.#isElsewhere(node, op, failed));
  }

  /** False where runs stay within the budget; else the group has more taken from it than it can bear. */
  #overspends(group: number): boolean {
    if (!this.#isStrict) this.#ghost.overspent.add(group);
    return !this.#isStrict;
  }

  #isVolatile(group: number): boolean {
    return this.#memory && group !== 0;
  }

  #mayFail(node: number, group: number): boolean {
    const members = this.#ghost.members.get(group) ?? [];
    const { viewChange } = quorums(members.length);
    const failed = new Set([...this.failed(group), node]);
    return members.length - failed.size >= viewChange;
  }

  #hasFailed(node: number, group: number): boolean {
    if (this.#ghost.gone.has(node)) return true;
    const key = `${node}/${group}`;
    const replica = this.#look(node, group);
    if (this.#isVolatile(group) && (replica === null || this.#doomed.has(node))) return true;
    const lost = this.#lost.get(key);
    if (lost === undefined) return replica !== null && !replica.sound;
    // Down: what it lost cannot have come back.
    if (replica === null || !replica.sound) return true;
    const still = lost.filter((op) => !this.#isBack(node, op, replica));
    if (still.length > 0) this.#lost.set(key, still);
    else this.#lost.delete(key);
    return still.length > 0;
  }

  /** The op is durable here again, or another has rightfully taken its place, or none is left. */
  #isBack(node: number, { group, op, checksum }: LostOp, replica: Recovering): boolean {
    if (this.#ghost.replica(node, group).durable.has(checksum)) return true;
    const committed = this.#ghost.committed(group, op)?.header.checksum;
    if (committed !== undefined) return committed !== checksum;
    return replica.checksumAt(op) !== checksum;
  }

  /** Another member that has not failed holds the op; or nobody else does, and then it was never acked. */
  #isElsewhere(node: number, { group, op, checksum }: LostOp, failed: ReadonlySet<number>): boolean {
    const holders = (this.#ghost.members.get(group) ?? []).filter(
      (other) =>
        other !== node &&
        (this.#ghost.replica(other, group).durable.has(checksum) ||
          (this.#isVolatile(group) && (this.#look(other, group)?.commitMin ?? 0) >= op)),
    );
    if (holders.length > 0) return holders.some((other) => !failed.has(other));
    return this.#ghost.committed(group, op)?.header.checksum !== checksum;
  }
}
