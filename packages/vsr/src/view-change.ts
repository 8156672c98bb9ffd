import type { Checksum, PrepareHeader } from '@vireo/protocol';
import { leaveAge } from './age.ts';
import { advanceCommit } from './commit.ts';
import { broadcast, type Core, leads, primary, viewIsDurable } from './core.ts';
import { entryAt } from './log.ts';
import type { DoViewChange, StartViewChange } from './message.ts';
import { isJournaled } from './mode.ts';
import { refuse } from './normal.ts';
import { type NodeId, primaryOf } from './quorums.ts';
import { releaseReads } from './read-index.ts';
import { reachesAnchor, requestMissing } from './repair.ts';
import { replaceLog, sendStartView } from './start-view.ts';
import { armViewChange } from './waits.ts';
import { describeState, writeState } from './writes.ts';

/** View change (VR Revisited, section 4.2), with present and nack bits. */

/** Says that this replica suspects the primary of its view. The view does not change by that (erratum E12). */
export function suspect(core: Core): void {
  const { state } = core;
  // The message names the view, so the view must be durable. Until then its primary counts as silent: each tick tries again.
  if (!viewIsDurable(core)) {
    state.heardTick = Math.min(state.heardTick, state.tick - state.suspicionTicks);
    return;
  }
  state.suspectSentTick = state.tick;
  state.suspects[core.index] = state.tick;
  broadcast(core, { type: 'startViewChange', epoch: state.epoch, view: state.view });
  joinNextViewIfSuspected(core);
}

export function onStartViewChange(core: Core, from: NodeId, _message: StartViewChange): void {
  const { state, config } = core;
  state.suspects[config.members.indexOf(from)] = state.tick;
  // The primary itself wants to go: nobody need wait for a timeout.
  if (state.status === 'normal' && from === primary(core) && (state.suspects[core.index] as number) < 0) {
    suspect(core);
    return;
  }
  joinNextViewIfSuspected(core);
}

function joinNextViewIfSuspected(core: Core): void {
  const { state, config, quorums } = core;
  if ((state.suspects[core.index] as number) < 0) return;
  const oldest = state.tick - config.timeouts.suspectWindow;
  const count = state.suspects.filter((tick) => tick >= 0 && tick >= oldest).length;
  if (count >= quorums.viewChange) joinView(core, state.view + 1);
}

/** A view above ours is at work. Its primary is asked first: joining would disturb it (see `joinIfUnanswered`). */
export function hearOfView(core: Core, view: number): void {
  const { state, config } = core;
  if (view <= state.view || view <= state.higherView) return;
  state.higherView = view;
  state.higherTick = state.tick;
  if (primaryOf(config.members, view) === config.self) return;
  requestStartView(core, primaryOf(config.members, view), view);
}

function requestStartView(core: Core, to: NodeId, view: number): void {
  const { state } = core;
  if (state.failed) return;
  state.nonce++;
  core.out.send(to, {
    type: 'requestStartView',
    epoch: state.epoch,
    view,
    nonce: state.nonce,
    asker: 'lagging',
  });
}

export function joinIfUnanswered(core: Core): void {
  const { state, config } = core;
  if (state.higherView <= state.view) {
    state.higherView = 0;
    return;
  }
  if (state.tick - state.higherTick >= config.timeouts.requestStartView) joinView(core, state.higherView);
}

/**
 * Promises a view: nothing of an older one is accepted from here on. The vote leaves when the promise is durable
 * (`sendVote`), unless a StartView of this very view waits for our log to reach it by then.
 */
export function joinView(core: Core, view: number): void {
  const { state } = core;
  leaveView(core, view);
  state.status = 'viewChange';
  state.promise = null;
  state.promise = describeState(core);
  writeState(core, state.promise, []);
}

/** Forgets what belongs to the view that is left, and tells those who wait that their fate is open. */
export function leaveView(core: Core, view: number): void {
  const { state } = core;
  state.view = view;
  state.suspects.fill(-1);
  state.votes.fill(null);
  state.acked.fill(0);
  leaveAge(core);
  state.digests.fill(null);
  state.agreedDigest = null;
  state.formation = null;
  state.pendingStartView = null;
  state.promise = null;
  state.started = false;
  state.noopOp = 0;
  if (state.abdicating !== 'leaving') state.abdicating = 'no';
  state.handOverTo = null;
  state.handOverView = 0;
  state.ackDue = false;
  state.staging.clear();
  state.stagingBytes = 0;
  state.fetch = null;
  state.fetchAttempt = 0;
  armViewChange(core);
  state.voteTick = state.tick;
  state.voteAttempt = 0;
  state.heardTick = state.tick;
  state.progressTick = state.tick;
  releaseClients(core);
}

/** Tells those who wait that their fate is open, and those whose turn had not come that it will not. */
export function releaseClients(core: Core): void {
  const { state, out } = core;
  for (const waiters of state.waiters.values()) {
    for (const waiter of waiters) out.reply(waiter.requestId, { type: 'unknown', code: 'viewChanged' });
  }
  state.waiters.clear();
  releaseReads(core);
  const { queue } = state;
  state.queue = [];
  state.queueBytes = 0;
  for (const request of queue) refuse(core, request, 'notReady');
}

/** The promise is durable: the vote may leave. It says what the record says. */
export function sendVote(core: Core): void {
  const { state, config } = core;
  const { promise } = state;
  if (state.status !== 'viewChange' || promise === null || state.grant !== null || !viewIsDurable(core))
    return;
  if (state.pendingStartView !== null) return;
  const vote: DoViewChange = {
    type: 'doViewChange',
    epoch: promise.epoch,
    view: promise.view,
    logView: promise.logView,
    commitMax: promise.commitMax,
    anchorOp: promise.anchorOp,
    anchorChecksum: promise.anchorChecksum,
    headers: promise.headers,
    present: promise.present,
    nack: promise.nack,
  };
  state.voteTick = state.tick;
  if (leads(core)) {
    state.votes[core.index] = vote;
    formView(core);
  } else if (state.handOverView === state.view) {
    // Nobody else has a reason to leave the view: the vote is what they join by.
    broadcast(core, vote);
  } else {
    core.out.send(primaryOf(config.members, state.view), vote);
  }
}

export function onDoViewChange(core: Core, from: NodeId, message: DoViewChange): void {
  const { state, config } = core;
  if (!leads(core)) return;
  if (state.status === 'normal') {
    // It missed the StartView.
    if (state.started) sendStartView(core, from, 0);
    return;
  }
  state.votes[config.members.indexOf(from)] = message;
  formView(core);
}

/** What the votes of a view-change quorum decide. */
export interface Decision {
  readonly commitMax: number;
  readonly anchorOp: number;
  readonly anchorChecksum: Checksum;
  readonly headers: readonly PrepareHeader[];
}

/**
 * Chooses the log of the new view. The canonical log is the longest of those with the highest logView. Each of
 * its ops above every known commit number is kept if some voter holds it, and dropped, with all above, only if a
 * nack quorum never acked it. Otherwise null: wait for another vote (erratum E14).
 *
 * Ranking by view instead of logView: A alone promised view 5 while still holding the log of view 1; B and C
 * committed ops in view 3. By view A's log would win and the ops of view 3 be lost.
 */
export function decide(votes: readonly DoViewChange[], nackQuorum: number): Decision | null {
  let canonical = votes[0] as DoViewChange;
  let commitMax = 0;
  for (const vote of votes) {
    commitMax = Math.max(commitMax, vote.commitMax);
    const longer = vote.anchorOp + vote.headers.length > canonical.anchorOp + canonical.headers.length;
    if (vote.logView > canonical.logView || (vote.logView === canonical.logView && longer)) canonical = vote;
  }
  const { anchorOp, anchorChecksum } = canonical;
  let kept = 0;
  for (const header of canonical.headers) {
    if (header.op > commitMax) {
      let present = false;
      let nacks = 0;
      for (const vote of votes) {
        const at = header.op - vote.anchorOp - 1;
        const other = vote.headers[at];
        const isWhole = vote.present[at] === true || vote.nack[at] === true;
        // Below its anchor: committed there.
        if (at < 0) present = true;
        // Absent, or another op in its place that was not damaged: this voter never acked ours in a view that counts.
        else if (other === undefined) nacks++;
        else if (other.checksum !== header.checksum) nacks += isWhole ? 1 : 0;
        else if (vote.present[at] === true) present = true;
        else if (vote.nack[at] === true) nacks++;
      }
      if (!present) {
        if (nacks < nackQuorum) return null;
        break;
      }
    }
    kept++;
  }
  // Some voter holds every committed op; a canonical log that ends below a known commit number means that the
  // voters contradict each other, and waiting is the only safe answer.
  if (anchorOp + kept < commitMax) return null;
  return { commitMax, anchorOp, anchorChecksum, headers: canonical.headers.slice(0, kept) };
}

/** New primary: with a quorum of votes, decides the log and begins to complete it. */
function formView(core: Core): void {
  const { state, quorums } = core;
  if (state.formation !== null || state.votes[core.index] === null) return;
  const votes = state.votes.filter((vote) => vote !== null);
  if (votes.length < quorums.viewChange) return;
  const decision = decide(votes, quorums.nack);
  if (decision === null) return;
  state.formation = { ...decision, bodies: decision.headers.map((header) => bodyHere(core, header)) };
  completeFormation(core);
  requestMissing(core);
}

function bodyHere(core: Core, header: PrepareHeader) {
  const entry = entryAt(core.state, header.op);
  return entry !== null && entry.header.checksum === header.checksum ? entry.prepare : null;
}

/**
 * New primary: when the whole log is here, takes log and logView up together (erratum E2) and makes them durable;
 * only then does anybody hear of it (`startAsPrimary`).
 */
export function completeFormation(core: Core): void {
  const { state } = core;
  const { formation } = state;
  if (formation === null || !reachesAnchor(core, formation)) return;
  const { anchorOp, headers, bodies } = formation;
  for (let i = 0; i < headers.length; i++) {
    if (anchorOp + 1 + i > state.commitMin && bodies[i] === null) return;
  }
  state.formation = null;
  state.logView = state.view;
  state.status = 'normal';
  state.promise = null;
  const fetched = replaceLog(core, formation, (at) => bodies[at] ?? null, false);
  state.commitMax = Math.max(state.commitMax, formation.commitMax);
  writeState(
    core,
    describeState(core),
    fetched.filter(({ header }) => isJournaled(state, header)),
  );
}

/** The record of our own view is durable: announce the view. Its log may commit by acks of this view only. */
export function startAsPrimary(core: Core): void {
  const { state } = core;
  state.started = true;
  state.acked.fill(0);
  state.commitSent = state.commitMax;
  state.retransmitTick = state.tick;
  state.retransmitAttempt = 0;
  state.viewChangeAttempt = 0;
  state.progressTick = state.tick;
  // First what is committed already, then the head on top of it: the order in which the machine sees it.
  advanceCommit(core);
  core.machine.rebuildHead(state.log.flatMap((entry) => (entry.prepare === null ? [] : [entry.prepare])));
  for (const member of core.config.members) if (member !== core.config.self) sendStartView(core, member, 0);
}
