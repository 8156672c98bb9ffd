import type { Message } from '@vireo/vsr';
import { modeSetBy } from './acks.ts';
import { type Checker, isRecovering, type ReplicaContext, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

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
  /** Up to here all is known to be durable. */
  readonly #durableTo = new Map<GhostReplica, number>();

  sends({ self, replica, ghost }: ReplicaContext, _to: number, message: Message): void {
    if (message.type !== 'prepareOk') return;
    const where = `node ${self.node}, group ${self.group}`;
    const { state } = replica;
    let last = { op: state.commitMin, checksum: state.committedChecksum };
    let mode = ghost.modeOf(self.group, state.commitMin);
    const chained = state.log.filter(({ header }) => header.op <= message.op);
    for (const { header, prepare } of chained) {
      mode = modeSetBy(header) ?? mode;
      if (header.parent !== last.checksum) {
        throw new Violation(
          this.name,
          `${where}: acks ${message.op} over a chain that breaks at ${header.op}`,
        );
      }
      const isDurable = self.durable.has(header.checksum);
      if (mode === 'disk' ? !isDurable : prepare === null) {
        throw new Violation(
          this.name,
          `${where}: acks ${message.op}, op ${header.op} is not held as ${mode} wants`,
        );
      }
      if (!isDurable && !self.durableMark) {
        throw new Violation(this.name, `${where}: acks ${message.op} from memory and no mark is durable`);
      }
      last = { op: header.op, checksum: header.checksum };
    }
    // At or below its commit number an ack says nothing: those ops are committed without it.
    if (mode === 'disk' && chained.length > 0) this.#expectDurableBelow(ghost, self, state.commitMin, where);
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

  /** An ack in mode `disk` promises it for all that is below, also for what was committed in mode `memory`. */
  #expectDurableBelow(ghost: Ghost, self: GhostReplica, commitMin: number, where: string): void {
    const from = this.#durableTo.get(self) ?? 0;
    for (const { header } of ghost.log(self.group).slice(from, commitMin)) {
      if (self.everDurable.has(header.checksum)) continue;
      throw new Violation(
        this.name,
        `${where}: acks in mode disk, op ${header.op} is in no checkpoint and no journal`,
      );
    }
    this.#durableTo.set(self, Math.max(from, commitMin));
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
