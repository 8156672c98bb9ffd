import { ModeFlag, type PrepareHeader, PrepareKind } from '@vireo/protocol';
import type { ReplicaContext } from './checker.ts';
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
    self.acks.set(header.op, { checksum: header.checksum, epoch, logView });
  }
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

/** Why the next process must recover: what its disk has certainly been told, and has not been told otherwise. */
export function whyRecover({ durableVerdict, durableMark, writes }: GhostReplica): string | null {
  const underWay = [...writes.values()].flatMap(({ record }) => (record === null ? [] : [record]));
  if (durableVerdict !== 'none' && underWay.every(({ verdict }) => verdict !== 'none'))
    return `its verdict was ${durableVerdict}`;
  if (durableMark && underWay.every(({ mark, verdict }) => mark || verdict !== 'none'))
    return 'its mark was set';
  return null;
}
