import type { PersistWrite } from '@vireo/vsr';
import { type Checker, isRecovering, type ReplicaContext, Violation } from './checker.ts';

/**
 * Part of checker 7: the mark goes only when all that it speaks of is durable: else the next process does not know that
 * it has to recover. What was committed must be in the journal or below a checkpoint; so must what was acked above it,
 * or the record that clears the mark says that it is lost, which stands until it is repaired. A clean stop does not
 * clear it over lost ops: it would vouch for a log that it does not hold.
 *
 * A record is durable only after what was handed out before it, so writes under way count.
 */
export class MarkIsKept implements Checker {
  readonly name = '7 no vote while recovering';

  persists({ ghost, self, replica }: ReplicaContext, _token: number, write: PersistWrite): void {
    if (write.type !== 'state' || !self.mark || write.record.mark) return;
    const { record } = write;
    const { status, commitMin, epoch, halted } = replica.state;
    // With the verdict the mark has done its part.
    if (record.verdict !== 'none' || isRecovering(status)) return;
    const written = new Set(write.prepares.map(({ header }) => header.checksum));
    for (const { checksums } of self.writes.values()) for (const checksum of checksums) written.add(checksum);
    const isDurable = (checksum: string): boolean => self.everDurable.has(checksum) || written.has(checksum);
    const where = `node ${self.node}, group ${self.group}: clears its mark`;
    for (const { header } of ghost.log(self.group).slice(0, commitMin)) {
      if (isDurable(header.checksum)) continue;
      throw new Violation(this.name, `${where}, op ${header.op} is in no checkpoint and no journal`);
    }
    for (const [op, ack] of self.acks) {
      if (op <= commitMin || ack.epoch !== epoch || isDurable(ack.checksum)) continue;
      const isSaidLost = !halted && record.faulty[op - record.anchorOp - 1] === true;
      if (isSaidLost || replica.state.log[op - commitMin - 1]?.header.checksum !== ack.checksum) continue;
      throw new Violation(this.name, `${where}, op ${op} that it may have acked is not durable`);
    }
  }
}
