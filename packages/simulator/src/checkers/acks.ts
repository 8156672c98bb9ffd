import { ModeFlag, type PrepareHeader, PrepareKind } from '@vireo/protocol';
import type { PersistWrite } from '@vireo/vsr';
import { isRecovering, type ReplicaContext } from './checker.ts';
import type { GhostReplica } from './ghost.ts';

/** The mode from this op on, itself included; null: it changes nothing. */
export function modeSetBy({ kind, flags }: PrepareHeader): 'disk' | 'memory' | null {
  if (kind !== PrepareKind.mode) return null;
  return flags === ModeFlag.memory ? 'memory' : 'disk';
}

/** Notes what a backup acks of its log, up to `op`. */
export function noteAcks({ self, replica }: ReplicaContext, op: number): void {
  const { epoch, logView, log } = replica.state;
  for (const { header } of log) {
    if (header.op > op) return;
    self.acks.set(header.op, { checksum: header.checksum, epoch, logView, told: false });
  }
}

/**
 * The replica may have taken up a log: what it acked is owed in that one too if it names it; else it was dropped by a
 * quorum that did not need this ack. All that a recovering one is told of it may have acked, and lost.
 */
export function carryAcks({ ghost, self, replica }: ReplicaContext): void {
  const { epoch, logView, status, commitMin, log } = replica.state;
  if (isRecovering(status)) {
    self.wasRecovering = true;
    return;
  }
  const isTold = self.wasRecovering || epoch > self.acksEpoch;
  if (!isTold && epoch === self.acksEpoch && logView === self.acksLogView) return;
  for (const [op, ack] of self.acks) {
    if (ack.epoch === epoch && ack.logView >= logView) continue;
    const own =
      op <= commitMin
        ? ghost.committed(self.group, op)?.header.checksum
        : log[op - commitMin - 1]?.header.checksum;
    if (ack.epoch === epoch && own === ack.checksum) ack.logView = logView;
    else self.acks.delete(op);
  }
  if (isTold) {
    for (const { header } of log)
      if (self.acks.get(header.op)?.checksum !== header.checksum)
        self.acks.set(header.op, { checksum: header.checksum, epoch, logView, told: true });
  }
  self.acksEpoch = epoch;
  self.acksLogView = logView;
  self.wasRecovering = false;
}

/**
 * Notes for what a primary counts itself: all that it holds as the mode of each op promises, which in `memory` is a body
 * of which a durable mark says that it may be lost.
 */
export function noteOwnAcks(context: ReplicaContext): void {
  const { ghost, self, replica } = context;
  const { status, view, logView, commitMin, log, started } = replica.state;
  if (status !== 'normal' || !started || view !== logView || replica.primary !== self.node) return;
  let mode = ghost.modeOf(self.group, commitMin);
  let held = commitMin;
  for (const { header, prepare, durable } of log) {
    mode = modeSetBy(header) ?? mode;
    if (mode === 'disk' ? !durable : prepare === null || !(durable || self.durableMark)) break;
    held = header.op;
  }
  noteAcks(context, held);
}

/** Notes what a write says was held: bodies, and what a record calls present. */
export function noteHeld(self: GhostReplica, write: PersistWrite): void {
  for (const { header } of write.prepares) self.held.add(header.checksum);
  if (write.type !== 'state') return;
  const { headers, present, mark } = write.record;
  for (const [index, { checksum }] of headers.entries()) if (present[index] === true) self.held.add(checksum);
  self.mark = mark;
}

/** Why the next process must recover: what its disk has certainly been told, and has not been told otherwise. */
export function whyRecover({ durableVerdict, durableMark, writes }: GhostReplica): string | null {
  const underWay = [...writes.values()].flatMap(({ record }) => (record === null ? [] : [record]));
  if (durableVerdict !== 'none' && underWay.every(({ verdict }) => verdict !== 'none'))
    return `its verdict was ${durableVerdict}`;
  if (durableMark && underWay.every(({ mark, verdict }) => mark || verdict !== 'none'))
    return 'its mark was set';
  return null;
}
