import { assert } from './assert.ts';
import { applyCommitted } from './commit.ts';
import { type Core, leads } from './core.ts';
import { checksumAt } from './log.ts';
import { modeSetBy } from './mode.ts';
import { drainStaging, requestMissing } from './repair.ts';
import type { Checkpoint } from './replay.ts';
import type { ReplicaState } from './replica-state.ts';
import { installPending } from './start-view.ts';
import { completeFormation } from './view-change.ts';

/**
 * State transfer: a replica that lacks much takes up a checkpoint of a peer, log and state at once, in place of fetching
 * and applying op by op. The adapter moves the bytes; here is what it means.
 */

/** Ops that are known to be committed and that are not applied here. 0: nothing that a checkpoint of others could bring. */
export function opsBehind(core: Core): number {
  const { state } = core;
  if (!mayTakeCheckpoints(core)) return 0;
  const { commitMin, commitMax, formation, pendingStartView } = state;
  return Math.max(commitMax, formation?.anchorOp ?? 0, pendingStartView?.anchorOp ?? 0) - commitMin;
}

/**
 * A primary has every body of its log, and clients who wait for what stands there. Who has agreed to another epoch keeps
 * its log as it is.
 */
function mayTakeCheckpoints(core: Core): boolean {
  const { state } = core;
  const isPrimary = state.status === 'normal' && leads(core);
  return !state.failed && !state.halted && state.grant === null && !isPrimary;
}

/** While a transfer is under way nothing is fetched op by op: both would bring the same. */
export function setTransferring(core: Core, on: boolean): void {
  core.state.transferring = on;
  core.state.fetch = null;
  if (!on) requestMissing(core);
}

/** How often the log that is held here was cut by cold starts: what others must have in common with it. */
export function lossEpochHeld(state: ReplicaState): number {
  return Math.max(state.lossEpoch, state.appliedLossEpoch);
}

/** The same of the log that this replica is about to take up. */
function lossEpochWanted(state: ReplicaState): number {
  return Math.max(state.pendingStartView?.lossEpoch ?? 0, lossEpochHeld(state));
}

/**
 * Whether a checkpoint that a peer has applied may be taken up now. Committed is final within one lossEpoch: what a peer
 * of another one has applied may have been cut from this log since, or be cut from it by what this replica has not
 * heard of.
 *
 * In normal the own log is the view's: a committed op that contradicts it is of a later view, which has to be entered first.
 */
export function takesCheckpoint(
  core: Core,
  { op, checksum }: Pick<Checkpoint, 'op' | 'checksum'>,
  lossEpoch: number,
): boolean {
  const { state } = core;
  if (!mayTakeCheckpoints(core) || op <= state.commitMin || lossEpoch !== lossEpochWanted(state))
    return false;
  const own = checksumAt(state, op);
  return state.status !== 'normal' || own === null || own === checksum;
}

/**
 * A peer's checkpoint is durable here, and the machine is where it says. What the log holds above that op stays if it
 * stands on it; if not it contradicts a committed op, and no quorum ever held it. A promise that was made says what it
 * said: the vote of the open view is told from it, not from the log.
 */
export function onTransferred(core: Core, checkpoint: Checkpoint): void {
  const { state } = core;
  const { op, checksum, timestamp, mode, lossEpoch } = checkpoint;
  assert(op > state.commitMin, 'a checkpoint is ahead of what is applied', op, state.commitMin);
  const kept = checksumAt(state, op) === checksum ? state.log.slice(op - state.commitMin) : [];
  state.log = kept;
  state.logBytes = kept.reduce((bytes, { header }) => bytes + header.size, 0);
  state.modeOps = kept.filter(({ header }) => modeSetBy(header) !== null).length;
  state.commitMin = op;
  state.committedChecksum = checksum;
  state.committedTimestamp = timestamp;
  state.mode = mode;
  state.appliedLossEpoch = lossEpoch;
  state.commitMax = Math.max(state.commitMax, op);
  // All that was applied before is durable with it, in whatever mode: nothing waits for the journal or a checkpoint.
  state.checkpointOp = Math.max(state.checkpointOp, op);
  state.appliedUnwritten.clear();
  state.unwritten = state.unwritten.filter((prepare) => kept.some((entry) => entry.prepare === prepare));
  state.transferring = false;
  state.fetch = null;
  state.fetchAttempt = 0;
  state.progressTick = state.tick;
  if (state.formation !== null || state.pendingStartView !== null) state.viewChangeTick = state.tick;
  state.ackDue = state.status === 'normal';
  if (state.failed || state.halted) return;
  drainStaging(core);
  applyCommitted(core);
  completeFormation(core);
  installPending(core);
  requestMissing(core);
}
