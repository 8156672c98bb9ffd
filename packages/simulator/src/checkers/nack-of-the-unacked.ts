import type { Message, PersistWrite } from '@vireo/vsr';
import { type Checker, isRecovering, type ReplicaContext, Violation } from './checker.ts';
import type { Ghost, GhostReplica } from './ghost.ts';

/** What a vote or a state record says of the ops above its anchor. */
interface Claim {
  readonly epoch: number;
  readonly logView: number;
  readonly anchorOp: number;
  readonly headers: readonly { readonly op: number; readonly checksum: string }[];
  readonly present: readonly boolean[];
  readonly nack: readonly boolean[];
}

/**
 * Checker 8: a replica nacks no op that it has acked in the log that it holds: neither by the bit nor by leaving the
 * op out of its log. A log of a later view was decided by a quorum, which may have dropped the op; if it names the op,
 * the ack stands in it too. Of a log that it was told while it recovered it may have acked everything. Ghost state
 * knows every ack, also those of processes that are gone and of disks that have been damaged since.
 *
 * And what was certainly never here is nacked: an op of which all know the header and nobody the body would be waited
 * for, for ever. A state record says what the next vote says, or what the next start goes by, so it is held to the
 * same; so is what a start makes of its journal, for damage is not absence (erratum E15).
 */
export class NackOfTheUnacked implements Checker {
  readonly name = '8 nacked was never acked';

  sends({ ghost, self }: ReplicaContext, _to: number, message: Message): void {
    if (message.type === 'doViewChange') this.#expect(ghost, self, message, `vote for view ${message.view}`);
  }

  persists({ ghost, self, replica }: ReplicaContext, _token: number, write: PersistWrite): void {
    // Who recovers says nothing of its log, and is asked nothing.
    if (write.type !== 'state' || write.record.verdict !== 'none' || isRecovering(replica.state.status))
      return;
    const { record } = write;
    const what = `record of view ${record.view}`;
    this.#expect(ghost, self, record, what);
    for (const [index, { op }] of record.headers.entries()) {
      const bits = [record.present[index], record.nack[index], record.faulty[index]];
      if (bits.filter((bit) => bit === true).length === 1) continue;
      throw new Violation(
        this.name,
        `node ${self.node}, group ${self.group}, ${what}: op ${op} is one of here, never here, lost, not ${bits.join()}`,
      );
    }
  }

  recovered({ ghost, self, replica }: ReplicaContext): void {
    const { status, epoch, logView, commitMin, log } = replica.state;
    if (isRecovering(status)) return;
    const claim: Claim = {
      epoch,
      logView,
      anchorOp: commitMin,
      headers: log.map(({ header }) => header),
      present: log.map(({ prepare }) => prepare !== null),
      nack: log.map(({ prepare, faulty }) => prepare === null && !faulty),
    };
    this.#expect(ghost, self, claim, 'what it came back with');
  }

  #expect(ghost: Ghost, self: GhostReplica, claim: Claim, what: string): void {
    const { anchorOp, headers, present, nack, logView, epoch } = claim;
    const where = `node ${self.node}, group ${self.group}, ${what}`;
    for (const [op, ack] of self.acks) {
      if (ack.epoch !== epoch || ack.logView !== logView || op <= anchorOp) continue;
      const index = op - anchorOp - 1;
      const header = headers[index];
      const isOther = header?.checksum !== ack.checksum;
      if ((!isOther && nack[index] !== true) || isSuperseded(ghost, self, op)) continue;
      const how = header === undefined ? 'leaves out' : isOther ? 'replaces' : 'nacks';
      const why = ack.told ? 'was told of while it recovered' : 'acked';
      throw new Violation(
        this.name,
        `${where}: ${how} op ${op}, which it ${why} in the log of view ${logView}`,
      );
    }
    for (const [index, { op, checksum }] of headers.entries()) {
      if (present[index] === true || nack[index] === true) continue;
      // Who acked it, or was told of it while it recovered, may have had it; so may whoever wrote it, or its neighbours.
      const mayBeLost =
        self.held.has(checksum) || self.damagedOps.has(op) || self.acks.get(op)?.checksum === checksum;
      if (mayBeLost) continue;
      throw new Violation(this.name, `${where}: does not nack op ${op}, of which the body was never here`);
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
