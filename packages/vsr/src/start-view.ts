import type { Prepare } from '@vireo/protocol';
import { applyCommitted } from './commit.ts';
import { type Core, leads, primary } from './core.ts';
import { entryAt, suffixAnchor, truncateAbove } from './log.ts';
import type { RequestStartView, StartView, Suffix } from './message.ts';
import type { NodeId } from './quorums.ts';
import { reachesAnchor, requestMissing } from './repair.ts';
import type { LogEntry } from './replica-state.ts';
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
    nonce,
    commitMax: state.commitMax,
    anchorOp,
    anchorChecksum,
    headers: entries.map((entry) => entry.header),
  });
}

/**
 * Accepted if its view is higher, or if we are in the change to exactly this view and hold an older log; never
 * from normal in the same view: our log may be longer by then, and what it acked would be cut (erratum E6).
 */
export function onStartView(core: Core, from: NodeId, message: StartView): void {
  const { state, config } = core;
  const awaited =
    message.view === state.view && state.status === 'viewChange' && state.logView < message.view;
  if (message.view <= state.view && !awaited) return;
  if (config.members[message.view % config.members.length] !== from || from === config.self) return;
  if (reachesAnchor(core, message)) {
    install(core, message);
  } else {
    // Behind: the promise is made now, log and logView are adopted together once the log reaches the anchor (E2).
    if (message.view > state.view) joinView(core, message.view);
    state.pendingStartView = message;
    state.formation = null;
    state.heardTick = state.tick;
    requestMissing(core);
  }
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
  leaveView(core, message.view);
  state.logView = message.view;
  state.status = 'normal';
  state.higherView = 0;
  state.viewChangeAttempt = 0;
  replaceLog(core, message, () => null);
  state.commitMax = Math.max(state.commitMax, message.commitMax);
  writeState(core, describeState(core), []);
  state.ackDue = true;
  applyCommitted(core);
  requestMissing(core);
}

/**
 * Puts `suffix` on top of its anchor. An entry with the same checksum stays, with its body; a header without a
 * body becomes an entry to be fetched. Returns the bodies that `bodyOf` gave and this log did not hold.
 */
export function replaceLog(core: Core, suffix: Suffix, bodyOf: (at: number) => Prepare | null): Prepare[] {
  const { state } = core;
  const fetched: Prepare[] = [];
  const rebuilt: LogEntry[] = [];
  suffix.headers.forEach((header, at) => {
    if (header.op <= state.commitMin) return;
    const own = entryAt(state, header.op);
    if (own !== null && own.header.checksum === header.checksum && own.prepare !== null) {
      rebuilt.push(own);
      return;
    }
    const prepare = bodyOf(at);
    if (prepare !== null) fetched.push(prepare);
    rebuilt.push({ header, prepare, durable: false });
  });
  truncateAbove(state, Math.max(suffix.anchorOp, state.commitMin));
  for (const entry of rebuilt) {
    state.log.push(entry);
    state.logBytes += entry.header.size;
  }
  return fetched;
}

export function onRequestStartView(core: Core, from: NodeId, message: RequestStartView): void {
  const { state, config } = core;
  if (state.status !== 'normal') return;
  if (leads(core)) {
    if (!state.started) return;
    // It may have lost what it acked before; what is committed does not depend on it any more.
    const member = config.members.indexOf(from);
    state.acked[member] = Math.min(state.acked[member] as number, state.commitMax);
    sendStartView(core, from, message.nonce);
  } else if (from === primary(core) && message.view === state.view) {
    // A primary that asks for its own view has started anew and does not lead any more.
    suspect(core);
  }
}
