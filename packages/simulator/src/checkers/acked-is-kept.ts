import { decodeProduceAck, type Frame, FrameKind, type Prepare } from '@vireo/protocol';
import { type Checker, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

/** Durable copies that an ack promises, by the size of the group: the design's table, not the core's. */
const replicationQuorum = [0, 1, 2, 2, 2, 3, 3] as const;

interface Ack {
  readonly group: number;
  readonly op: number;
  readonly checksum: string;
}

/**
 * Checker 2: an acked record stays. When an ack leaves, its op is committed, the ack states the offset that the
 * op has, and a replication quorum holds it as the op's mode promises: on disk, or acked by that many; whoever
 * executes that op later executes the same one. That no more lose their memory at once than the mode allows is the
 * fault atlas's part, so that here nothing may be lost.
 */
export class AckedIsKept implements Checker {
  readonly name = '2 acked is kept';
  readonly #acks = new Map<string, Ack>();

  toClient(ghost: Ghost, node: number, _client: number, frame: Frame): void {
    if (frame.kind !== FrameKind.produceAck) return;
    const ack = decodeProduceAck(frame);
    if (!ack.ok)
      throw new Violation(this.name, `node ${node} sent an ack that does not decode: ${ack.error.message}`);
    const { op, baseOffset, count } = ack.value;
    const where = `node ${node}, group ${frame.group}, op ${op}`;
    const committed = ghost.committed(frame.group, op);
    if (committed === undefined) throw new Violation(this.name, `${where}: acked and not committed`);
    const { header } = committed;
    if (header.baseOffset !== baseOffset || header.count !== count) {
      throw new Violation(
        this.name,
        `${where}: acked ${count} records at ${baseOffset}, the op has ${header.count} at ${header.baseOffset}`,
      );
    }
    const wanted = replicationQuorum[ghost.members.get(frame.group)?.length ?? 1] ?? 1;
    const mode = ghost.modeOf(frame.group, op);
    const copies =
      mode === 'disk'
        ? ghost.durableCopies(frame.group, header.checksum)
        : ghost.ackedCopies(frame.group, op, header.checksum);
    if (copies < wanted) {
      throw new Violation(this.name, `${where}: acked in mode ${mode} with ${copies} copies of ${wanted}`);
    }
    this.#acks.set(`${frame.group}/${op}`, { group: frame.group, op, checksum: header.checksum });
  }

  applied(_ghost: Ghost, self: GhostReplica, prepare: Prepare): void {
    const ack = this.#acks.get(`${self.group}/${prepare.header.op}`);
    if (ack !== undefined && ack.checksum !== prepare.header.checksum) {
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: op ${ack.op} was acked and is now another one`,
      );
    }
  }

  ended(ghost: Ghost): void {
    for (const { group, op, checksum } of this.#acks.values()) {
      if (ghost.overspent.has(group)) continue;
      // In mode `memory` the committed logs are compared, which say as much of who is up.
      if (ghost.deleted.has(group) || ghost.modeOf(group, op) === 'memory') continue;
      for (const node of ghost.members.get(group) ?? []) {
        if (ghost.gone.has(node) || ghost.replica(node, group).durable.has(checksum)) continue;
        throw new Violation(this.name, `group ${group}: op ${op} was acked, node ${node} does not hold it`);
      }
    }
  }
}
