import type { Message } from '@vireo/vsr';
import { type Checker, isRecovering, type ReplicaContext, Violation } from './checker.ts';
import type { GhostReplica } from './ghost.ts';

interface Acked {
  readonly logView: number;
  readonly op: number;
  readonly checksum: string;
  /** The chain that was acked, from the commit number of that moment. */
  readonly chain: readonly { readonly op: number; readonly checksum: string }[];
}

/**
 * Checker 6: a PrepareOk is sent only for an unbroken chain that is on stable storage: held against the writes
 * that the disk has confirmed. What was acked stays in the log of that logView, over crashes too: held against what
 * the disk gives back.
 */
export class PrepareOkIsDurable implements Checker {
  readonly name = '6 prepareOk is durable';
  readonly #acked = new Map<GhostReplica, Acked>();

  sends({ self, replica, ghost }: ReplicaContext, _to: number, message: Message): void {
    if (message.type !== 'prepareOk') return;
    const where = `node ${self.node}, group ${self.group}`;
    const { state } = replica;
    let last = { op: state.commitMin, checksum: state.committedChecksum };
    for (const { header } of state.log) {
      if (header.op > message.op) break;
      if (header.parent !== last.checksum) {
        throw new Violation(
          this.name,
          `${where}: acks ${message.op} over a chain that breaks at ${header.op}`,
        );
      }
      if (!self.durable.has(header.checksum)) {
        throw new Violation(this.name, `${where}: acks ${message.op}, op ${header.op} is not durable`);
      }
      last = { op: header.op, checksum: header.checksum };
    }
    if (message.op > last.op) {
      throw new Violation(this.name, `${where}: acks ${message.op}, its log ends at ${last.op}`);
    }
    const own =
      message.op === last.op ? last.checksum : ghost.committed(self.group, message.op)?.header.checksum;
    if (own !== undefined && own !== message.checksum) {
      throw new Violation(this.name, `${where}: acks op ${message.op} under another checksum than its own`);
    }
    const chain = state.log.map(({ header }) => ({ op: header.op, checksum: header.checksum }));
    this.#acked.set(self, { logView: state.logView, op: message.op, checksum: message.checksum, chain });
  }

  recovered(context: ReplicaContext): void {
    this.#expectAcked(context, 'came back');
  }

  stepped(context: ReplicaContext): void {
    this.#expectAcked(context, 'went on');
  }

  #expectAcked({ self, replica, ghost }: ReplicaContext, how: string): void {
    const acked = this.#acked.get(self);
    const { state } = replica;
    // It knows that it may have lost something, and says nothing until it has been told the log.
    if (isRecovering(state.status)) return;
    // A log of a later view was decided by a quorum that may have dropped the op rightfully.
    if (acked === undefined || acked.op === 0 || state.logView !== acked.logView) return;
    const own =
      acked.op === state.commitMin
        ? state.committedChecksum
        : acked.op < state.commitMin
          ? ghost.committed(self.group, acked.op)?.header.checksum
          : state.log[acked.op - state.commitMin - 1]?.header.checksum;
    if (own !== acked.checksum) {
      // A later view has committed something else in its place, or below it: what was acked can go.
      const isStale = acked.chain.some(({ op, checksum }) => {
        const committed = ghost.committed(self.group, op);
        return committed !== undefined && committed.header.checksum !== checksum;
      });
      if (isStale) return;
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}: acked op ${acked.op} and ${how} ${own === undefined ? 'without it' : 'with another'}`,
      );
    }
  }
}
