import { broadcast, type Core, isRecovering, viewIsDurable } from './core.ts';
import { suffixAnchor } from './log.ts';
import type { LogStanding, RecoveryState } from './message.ts';

/**
 * Recovery (VR Revisited, section 4.3). A replica that can not know all that it acked takes part in no quorum and asks
 * for the log of the present view. Every question has a nonce of its own, never used before or after (erratum E5).
 */

/** Asks all the others: the primary answers with StartView, whoever can not lead with what it has. */
export function poll(core: Core): void {
  const { state } = core;
  if (state.failed) return;
  state.nonce++;
  state.pollTick = state.tick;
  state.coldStart.askedNonce = state.nonce;
  broadcast(core, {
    type: 'requestStartView',
    epoch: state.epoch,
    view: state.view,
    nonce: state.nonce,
    asker: isRecovering(state) ? 'recovering' : 'stuck',
  });
}

/** A later epoch than ours is at work, so ours is over: its primary is asked for the log. */
export function hearOfEpoch(core: Core): void {
  const { state, config } = core;
  if (state.tick - state.pollTick >= config.timeouts.requestStartView) poll(core);
}

/** The answer to one who asks and gets no StartView: nobody leads, so a cold start may be all that is left. */
export function describeRecovery(core: Core, nonce: number): RecoveryState {
  const { state } = core;
  return {
    type: 'recoveryState',
    // No frame but RequestStartView names a view that is not durable.
    epoch: state.durableEpoch,
    view: viewIsDurable(core) ? state.view : Math.max(0, state.durableView),
    nonce,
    ...logStanding(core),
  };
}

/** What this replica has, up to the first body that it lacks. */
export function logStanding(core: Core): LogStanding {
  const { state } = core;
  const { anchorOp, anchorChecksum, entries } = suffixAnchor(state);
  const missing = entries.findIndex((entry) => entry.prepare === null);
  const held = missing < 0 ? entries : entries.slice(0, missing);
  return {
    recovering: isRecovering(state) || state.grant !== null,
    lossEpoch: state.lossEpoch,
    // Of one who recovers the view of its last entry counts: its logView may name a log that it has lost.
    rank: isRecovering(state) ? (held.at(-1)?.header.view ?? 0) : state.logView,
    commitMax: state.commitMax,
    anchorOp,
    anchorChecksum,
    headers: held.map((entry) => entry.header),
  };
}
