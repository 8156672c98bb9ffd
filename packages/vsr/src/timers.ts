import { sendPing } from './age.ts';
import { tickColdStart } from './cold-start.ts';
import { type Core, isRecovering, leads, primary, viewIsDurable } from './core.ts';
import { announceDigest } from './digest.ts';
import { tickHandOver } from './hand-over.ts';
import { entryAt, headOp } from './log.ts';
import { tickReads } from './read-index.ts';
import { requestMissing } from './repair.ts';
import { joinIfUnanswered, sendVote, suspect } from './view-change.ts';
import { backoff } from './waits.ts';

/** What happens because nothing else did. */

/** At most this many prepares are sent again to one backup in one go. */
const RETRANSMIT_OPS_MAX = 8;

export function onTick(core: Core): void {
  const { state } = core;
  state.tick++;
  if (state.failed || state.halted) return;
  retryFetch(core);
  tickColdStart(core);
  if (isRecovering(state) || state.grant !== null) return;
  joinIfUnanswered(core);
  tickReads(core);
  if (state.status === 'viewChange') tickViewChange(core);
  else if (leads(core)) tickPrimary(core);
  else tickBackup(core);
}

function tickViewChange(core: Core): void {
  const { state, config } = core;
  const { timeouts } = config;
  if (
    state.pendingStartView === null &&
    state.tick - state.voteTick >= backoff(timeouts.retransmit, state.voteAttempt, timeouts.retransmitMax, 2)
  ) {
    state.voteAttempt++;
    sendVote(core);
  }
  if (state.tick - state.viewChangeTick < state.viewChangeWait) return;
  // Overdue, and said again and again: two who say it each five seconds would miss each other's window.
  if (state.tick - state.suspectSentTick < timeouts.viewChange || !viewIsDurable(core)) return;
  if ((state.suspects[core.index] as number) < 0) state.viewChangeAttempt++;
  suspect(core);
}

function tickBackup(core: Core): void {
  const { state, config } = core;
  const { timeouts } = config;
  const silent = state.tick - state.heardTick >= state.suspicionTicks;
  const stuck = headOp(state) > state.commitMin && state.tick - state.progressTick >= timeouts.progress;
  if ((silent || stuck) && state.tick - state.suspectSentTick >= timeouts.viewChange) {
    state.suspicionTicks = timeouts.suspicion + core.random.below(timeouts.suspicionJitter);
    suspect(core);
  }
}

function tickPrimary(core: Core): void {
  const { state, config } = core;
  const { timeouts } = config;
  if (!state.started || !viewIsDurable(core)) return;
  if (state.tick - state.pingTick >= timeouts.ping) {
    state.pingTick = state.tick;
    sendPing(core);
    announceDigest(core);
  }
  retransmit(core);
  tickHandOver(core);
  // Its own disk counts too, if the others can commit without it: it would take nothing on any more.
  const stuck =
    (headOp(state) > state.commitMin && state.tick - state.progressTick >= timeouts.progress) ||
    (state.tokens.size > 0 && state.tick - state.writtenTick >= timeouts.progress);
  if (!stuck) {
    if (state.abdicating === 'stalled') {
      state.abdicating = 'no';
      state.suspects[core.index] = -1;
    }
    return;
  }
  // No acks, or a disk that does not answer: another one may do better. It takes nothing on meanwhile.
  if (state.tick - state.suspectSentTick >= timeouts.viewChange) {
    if (state.abdicating === 'no') state.abdicating = 'stalled';
    suspect(core);
  }
}

/** Sends again what a backup has not acked, to that backup only. */
function retransmit(core: Core): void {
  const { state, config } = core;
  const { timeouts } = config;
  if (headOp(state) === state.commitMax) return;
  const wait = backoff(timeouts.retransmit, state.retransmitAttempt, timeouts.retransmitMax, 2);
  if (state.tick - state.retransmitTick < wait) return;
  state.retransmitTick = state.tick;
  state.retransmitAttempt++;
  config.members.forEach((member, at) => {
    if (member === config.self) return;
    let sent = 0;
    for (let op = Math.max(state.acked[at] as number, state.commitMin) + 1; op <= headOp(state); op++) {
      const prepare = entryAt(state, op)?.prepare ?? null;
      if (prepare === null || sent === RETRANSMIT_OPS_MAX) break;
      sent++;
      core.out.send(member, {
        type: 'prepare',
        epoch: state.epoch,
        view: state.view,
        commitMax: state.commitMax,
        prepare,
      });
    }
  });
}

function retryFetch(core: Core): void {
  const { state, config } = core;
  const { timeouts } = config;
  const asked = state.fetch;
  if (asked !== null) {
    const wait = backoff(timeouts.retransmit, state.fetchAttempt, timeouts.retransmitMax, 2);
    if (state.tick - asked.sentTick < wait) return;
    state.fetch = null;
    state.fetchAttempt++;
  }
  requestMissing(core);
}

/** The process of a member is gone. If it led our view, waiting for its pings would be a waste. */
export function onPeerLost(core: Core, node: number): void {
  const { state } = core;
  if (state.failed || state.halted || state.status !== 'normal' || node !== primary(core)) return;
  suspect(core);
}

/** Answers a frame of a lower view with ours, once a tick for each member. */
export function noticeLowerView(core: Core, node: number): void {
  const { state, config } = core;
  if (!viewIsDurable(core) || isRecovering(state)) return;
  const member = config.members.indexOf(node);
  if (state.noticeTick[member] === state.tick) return;
  state.noticeTick[member] = state.tick;
  core.out.send(node, {
    type: 'ping',
    epoch: state.epoch,
    view: state.view,
    op: headOp(state),
    commitMax: state.commitMax,
    normal: state.status === 'normal' && leads(core) && state.started,
    sentMs: 0,
    answer: null,
  });
}
