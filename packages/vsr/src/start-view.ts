import type { Prepare } from '@vireo/protocol';
import { isWithdrawnBy, withdrawGrant } from './cold-start.ts';
import { applyCommitted } from './commit.ts';
import { type Core, isRecovering, leads, primary } from './core.ts';
import { entryAt, pushEntry, suffixAnchor, truncateAbove } from './log.ts';
import type { RequestStartView, StartView, Suffix } from './message.ts';
import { isJournaled } from './mode.ts';
import { type NodeId, primaryOf } from './quorums.ts';
import { describeRecovery } from './recovering.ts';
import { reachesAnchor, requestMissing } from './repair.ts';
import type { LogEntry } from './replica-state.ts';
import { noticeLowerView } from './timers.ts';
import { joinView, leaveView, suspect } from './view-change.ts';
import { describeState, writeState } from './writes.ts';

/** StartView: how a backup takes up the log of a view. */

export function sendStartView(core: Core, to: NodeId, nonce: number): void {
  const { state } = core;
  const { anchorOp, anchorChecksum, entries } = suffixAnchor(state);
  core.out.send(to, {
    type: 'startView',
    epoch: state.epoch,
    view: state.view,
    lossEpoch: state.lossEpoch,
    nonce,
    commitMax: state.commitMax,
    anchorOp,
    anchorChecksum,
    headers: entries.map((entry) => entry.header),
  });
}

/**
 * Accepted if its view is higher, or if we are in the change to exactly this view and hold an older log; never
 * from normal in the same view: our log may be longer by then, and what it acked would be cut (erratum E6). Who is
 * recovering takes only an answer to a question of this run, of a view not below its durable one: an older StartView
 * does not name all that was acked here since. A later epoch is taken from whom we granted it, or who answers us.
 */
export function onStartView(core: Core, from: NodeId, message: StartView): void {
  const { state, config } = core;
  if (primaryOf(config.members, message.view) !== from) return;
  const isAnswer = message.nonce > state.firstNonce && message.nonce <= state.nonce;
  if (message.epoch !== state.epoch) {
    const isGranted = state.grant?.epoch === message.epoch && state.grant.to === from;
    if (message.epoch > state.epoch && (isAnswer || isGranted)) takeUp(core, message);
    return;
  }
  if (state.grant !== null) {
    // A proposal of its own may be withdrawn, for it starts the epoch or nobody does: there is a primary after all.
    const isVoid = state.grant.to === config.self || isWithdrawnBy(core, from, message.nonce);
    if (!isAnswer || !isVoid) return;
    withdrawGrant(core);
  }
  if (isRecovering(state)) {
    if (isAnswer && message.view >= state.view) takeUp(core, message);
    return;
  }
  const awaited =
    message.view === state.view && state.status === 'viewChange' && state.logView < message.view;
  if (message.view > state.view || awaited) takeUp(core, message);
}

function takeUp(core: Core, message: StartView): void {
  const { state } = core;
  if (reachesAnchor(core, message)) {
    install(core, message);
    return;
  }
  if (message.epoch > state.epoch) {
    // Its primary answered us, so the epoch that we know is over: what stands here uncommitted may have to go.
    if (!isRecovering(state) && state.status === 'normal') leaveForEpoch(core);
  } else if (!isRecovering(state) && message.view > state.view) {
    // Behind: the promise is made now, log and logView are adopted together once the log reaches the anchor (E2).
    joinView(core, message.view);
  }
  state.pendingStartView = message;
  state.formation = null;
  state.heardTick = state.tick;
  requestMissing(core);
}

/** Takes no part in the present epoch any more. Not a view change: no vote is sent. */
export function leaveForEpoch(core: Core): void {
  // What was promised in a view change stands: if this comes to nothing, its vote says the same again.
  const { promise } = core.state;
  leaveView(core, core.state.view);
  core.state.promise = promise;
  core.state.status = 'viewChange';
}

/**
 * A StartView that was beyond our log, when the log has grown to reach it. If it has grown past it, by what was
 * committed since, that one is of no use any more: the vote asks for another.
 */
export function installPending(core: Core): void {
  const { state } = core;
  const { pendingStartView } = state;
  if (pendingStartView === null) return;
  if (reachesAnchor(core, pendingStartView)) install(core, pendingStartView);
  else if (pendingStartView.anchorOp <= state.commitMin) state.pendingStartView = null;
}

function install(core: Core, message: StartView): void {
  const { state } = core;
  // What we lack of this log may have been acked here, and lost.
  const isLost = isRecovering(state) || message.epoch > state.epoch;
  leaveView(core, message.view);
  state.epoch = message.epoch;
  state.lossEpoch = message.lossEpoch;
  state.logView = message.view;
  state.status = 'normal';
  state.verdict = 'none';
  state.grant = null;
  state.higherView = 0;
  state.viewChangeAttempt = 0;
  state.pollAttempt = 0;
  const found = replaceLog(core, message, (at) => salvaged(core, message, at), isLost);
  state.salvaged.clear();
  state.commitMax = Math.max(state.commitMax, message.commitMax);
  writeState(
    core,
    describeState(core),
    found.filter(({ header }) => isJournaled(state, header)),
  );
  state.ackDue = true;
  applyCommitted(core);
  requestMissing(core);
}

function salvaged(core: Core, message: Suffix, at: number): Prepare | null {
  const header = message.headers[at];
  return header === undefined ? null : (core.state.salvaged.get(header.checksum) ?? null);
}

/**
 * Puts `suffix` on top of its anchor. An entry with the same checksum stays, with its body; a header without a
 * body becomes an entry to be fetched: a faulty one if it was that before, or if `isLost`. Returns the bodies that
 * `bodyOf` gave and this log did not hold.
 */
export function replaceLog(
  core: Core,
  suffix: Suffix,
  bodyOf: (at: number) => Prepare | null,
  isLost: boolean,
): Prepare[] {
  const { state } = core;
  const fetched: Prepare[] = [];
  const rebuilt: LogEntry[] = [];
  suffix.headers.forEach((header, at) => {
    if (header.op <= state.commitMin) return;
    const entry = entryAt(state, header.op);
    const own = entry !== null && entry.header.checksum === header.checksum ? entry : null;
    if (own !== null && own.prepare !== null) {
      rebuilt.push(own);
      return;
    }
    const prepare = bodyOf(at);
    if (prepare !== null) fetched.push(prepare);
    const faulty = prepare === null && (isLost || own?.faulty === true);
    rebuilt.push({ header, prepare, durable: false, faulty });
  });
  truncateAbove(state, Math.max(suffix.anchorOp, state.commitMin));
  for (const entry of rebuilt) pushEntry(state, entry);
  // Written with the record that names them, never before it: a start between the two would find a log that is neither
  // the old one nor the new one.
  state.unwritten = state.unwritten.filter((prepare) => !fetched.includes(prepare));
  return fetched;
}

export function onRequestStartView(core: Core, from: NodeId, message: RequestStartView): void {
  const { state, config } = core;
  if (message.epoch > state.epoch) {
    // Its epoch may have nobody left who can lead it: then what is held here counts too.
    if (message.asker !== 'lagging' && state.durableView >= 0)
      core.out.send(from, describeRecovery(core, message.nonce));
    return;
  }
  const member = config.members.indexOf(from);
  if (message.asker !== 'lagging') state.coldStart.askedTicks[member] = state.tick;
  const takesPart = !isRecovering(state) && state.grant === null;
  if (takesPart && message.epoch === state.epoch && message.view > state.view) joinView(core, message.view);
  if (takesPart && state.status === 'normal') {
    if (leads(core)) {
      if (!state.started) return;
      // It may have lost what it acked before; what is committed does not depend on it any more.
      state.acked[member] = Math.min(state.acked[member] as number, state.commitMax);
      sendStartView(core, from, message.nonce);
      return;
    }
    // A primary that asks for its own view has started anew and does not lead any more.
    if (from === primary(core) && message.view === state.view && message.epoch === state.epoch) suspect(core);
  }
  // A group that is being created here has promised nothing yet, and says nothing.
  if (state.durableView < 0) return;
  if (message.asker !== 'lagging') core.out.send(from, describeRecovery(core, message.nonce));
  else if (message.view < state.view || message.epoch < state.epoch) noticeLowerView(core, from);
}
