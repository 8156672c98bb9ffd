import type { Message } from '@vireo/vsr';
import { type Checker, type ReplicaContext, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

/**
 * Checker 8: a replica nacks no op that it has acked in the view whose log it holds: neither by the bit nor by leaving
 * the op out of its log. A log of a later view was decided by a quorum, which may have dropped the op; that of an
 * earlier one does not count. Ghost state knows every ack, also those of processes that are gone and of disks that
 * have been damaged since. (A vote with an op that is neither present nor nacked is right: that is what faulty means.)
 */
export class NackOfTheUnacked implements Checker {
  readonly name = '8 nacked was never acked';

  sends({ ghost, self }: ReplicaContext, _to: number, message: Message): void {
    if (message.type !== 'doViewChange') return;
    const { anchorOp, headers, nack, logView, epoch, view } = message;
    const where = `node ${self.node}, group ${self.group}, vote for view ${view}`;
    for (const [op, ack] of self.acks) {
      if (ack.epoch !== epoch || ack.logView !== logView || op <= anchorOp) continue;
      const index = op - anchorOp - 1;
      const header = headers[index];
      const isOther = header?.checksum !== ack.checksum;
      if ((!isOther && nack[index] !== true) || isSuperseded(ghost, self, op)) continue;
      const how = header === undefined ? 'leaves out' : isOther ? 'replaces' : 'nacks';
      throw new Violation(
        this.name,
        `${where}: ${how} op ${op}, which it acked in the log of view ${logView}`,
      );
    }
  }
}

/** Another op is committed in its place, or below it: what was acked was rightfully given up. */
function isSuperseded(ghost: Ghost, self: GhostReplica, op: number): boolean {
  for (const [below, { checksum }] of self.acks) {
    const committed = below <= op ? ghost.committed(self.group, below)?.header.checksum : undefined;
    if (committed !== undefined && committed !== checksum) return true;
  }
  return false;
}
