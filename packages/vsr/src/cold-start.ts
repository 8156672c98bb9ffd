import { broadcast, type Core, isRecovering, leads } from './core.ts';
import { firstMissingBody, headOp, truncateAbove } from './log.ts';
import type { ColdStartGranted, ColdStartMessage, LogStanding, RecoveryState } from './message.ts';
import { type NodeId, primaryOf } from './quorums.ts';
import { describeRecovery, logStanding, poll } from './recovering.ts';
import { leaveForEpoch } from './start-view.ts';
import type { ColdStartGrant } from './state-record.ts';
import { joinView, leaveView } from './view-change.ts';
import { backoff } from './waits.ts';
import { describeCopy, describeState, writeState } from './writes.ts';

/**
 * Cold start: so many members are recovering that those who know what they acked are no view-change quorum. Nothing but
 * a decision leads on (erratum E4): the group goes on from the best log that is left, in a new epoch, and says with a
 * raised `lossEpoch` that what was acked beyond may be gone. With the policy `allPresent` that is done when all members
 * are there; with `wait` an operator orders it.
 *
 * The member with the best log proposes the epoch. Each member grants it to one only, durably, and takes no part in the
 * present epoch from then on; with all grants the proposer starts the epoch, as the primary of a view of its own.
 */

/** Every tick: asks, and asks again, while this replica can not go on by itself. */
export function tickColdStart(core: Core): void {
  const { state, config } = core;
  const { timeouts } = config;
  if (!isStuck(core)) {
    // An order is for now: it must not be carried out at the next view change, some other day.
    if (isOrderDue(core)) state.coldStart.ordered = 'no';
    return;
  }
  const wait = backoff(timeouts.retransmit, state.pollAttempt, timeouts.retransmitMax, 2);
  if (state.tick - state.pollTick < wait) return;
  state.pollAttempt++;
  propose(core);
  poll(core);
}

function isStuck(core: Core): boolean {
  const { state, config, quorums } = core;
  if (isRecovering(state) || state.grant !== null) return true;
  if (!hasNoPrimary(core)) return false;
  if (state.coldStart.ordered !== 'no') return true;
  const oldest = state.tick - config.timeouts.suspectWindow;
  const helpless = state.coldStart.askedTicks.filter((tick) => tick >= 0 && tick >= oldest).length;
  return config.members.length - helpless < quorums.viewChange;
}

function hasNoPrimary(core: Core): boolean {
  const { state } = core;
  if (state.status === 'viewChange') return true;
  return state.status === 'normal' && !leads(core) && (state.suspects[core.index] as number) >= 0;
}

export function onRecoveryState(core: Core, from: NodeId, message: RecoveryState): void {
  const { state, config } = core;
  if (message.nonce <= state.firstNonce || message.nonce > state.nonce) return;
  const member = config.members.indexOf(from);
  state.coldStart.states[member] = message;
  state.coldStart.stateTicks[member] = state.tick;
  // Who had proposed and takes part in an earlier epoch again has let go of it: of a later one it would ask again.
  if (!message.recovering && isWithdrawnBy(core, from, message.nonce)) withdrawGrant(core);
  if (isStuck(core)) propose(core);
}

/** What is known of each member at present, this one included; null: nothing of late. */
function knownStates(core: Core): (RecoveryState | null)[] {
  const { state, config, index } = core;
  const { states, stateTicks } = state.coldStart;
  const oldest = state.tick - config.timeouts.suspectWindow;
  return states.map((known, member) => {
    if (member === index) return describeRecovery(core, 0);
    return (stateTicks[member] as number) >= oldest ? known : null;
  });
}

function propose(core: Core): void {
  const { state, config, quorums } = core;
  const { grant, coldStart } = state;
  if (config.coldStart !== 'allPresent' && coldStart.ordered === 'no' && grant?.to !== config.self) return;
  const states = knownStates(core);
  const present = states.filter((known) => known !== null);
  // Answers to one question: what was said before it may be over, and more would seem to recover than do.
  const { index } = core;
  if (
    states.some((known, member) => member !== index && known !== null && known.nonce < coldStart.askedNonce)
  )
    return;
  if (present.length < states.length && !mayDoWithout(core)) return;
  const epoch = Math.max(...present.map((known) => known.epoch));
  // With a quorum of those who know what they acked the ordinary way leads on, and loses nothing; unless they wait for
  // an op that no disk holds any more, which an operator alone can know.
  const able = present.filter((known) => !known.recovering && known.epoch === epoch);
  if (able.length >= quorums.viewChange && (coldStart.ordered === 'no' || !isOrderDue(core))) return;
  const best = bestOf(present);
  if (best === null || states.indexOf(best) !== core.index) return;
  if (grant?.to === config.self && coldStart.proposal > 0) {
    announce(core);
    // Some have agreed to another one meanwhile: asked again with a higher epoch they change their mind.
    if (state.tick - coldStart.proposedTick < config.timeouts.suspectWindow) return;
  }
  let view = Math.max(state.view, grant?.view ?? 0, ...present.map((known) => known.view)) + 1;
  while (primaryOf(config.members, view) !== config.self) view++;
  state.nonce++;
  coldStart.proposal = state.nonce;
  coldStart.proposedTick = state.tick;
  coldStart.granted.fill(null);
  makeGrant(core, { epoch: Math.max(epoch, grant?.epoch ?? 0) + 1, view, to: config.self }, 0);
}

/** The operator has ordered it without those who do not answer, and they were given time to. */
function mayDoWithout(core: Core): boolean {
  return core.state.coldStart.ordered === 'present' && isOrderDue(core);
}

/** Since the order everybody had time to answer, and the ordinary way time to lead on. */
function isOrderDue(core: Core): boolean {
  const { state, config } = core;
  return state.tick - state.coldStart.orderedTick >= config.timeouts.suspectWindow;
}

/**
 * The best log of the highest loss epoch, among those that contain all that any of them knows to be committed: so nobody
 * has to undo what it has applied, but for who was absent from an earlier cold start. By the view that speaks for the
 * log, then by length. Null: there is no log.
 */
export function bestOf<T extends LogStanding>(logs: readonly T[]): T | null {
  const lossEpoch = Math.max(...logs.map((log) => log.lossEpoch));
  const latest = logs.filter((log) => log.lossEpoch === lossEpoch);
  let committed: T | null = null;
  for (const log of latest) if (committed === null || log.anchorOp > committed.anchorOp) committed = log;
  let best: T | null = null;
  for (const log of latest) {
    if (committed === null || !contains(log, committed)) continue;
    if (best === null || ranksAbove(log, best)) best = log;
  }
  return best;
}

function contains(log: LogStanding, { anchorOp, anchorChecksum }: LogStanding): boolean {
  if (log.anchorOp === anchorOp) return log.anchorChecksum === anchorChecksum;
  return log.headers[anchorOp - log.anchorOp - 1]?.checksum === anchorChecksum;
}

function ranksAbove(a: LogStanding, b: LogStanding): boolean {
  if (a.rank !== b.rank) return a.rank > b.rank;
  return a.anchorOp + a.headers.length > b.anchorOp + b.headers.length;
}

/** Agrees to an epoch; said when it is durable (`onGrantDurable`). `nonce`: of the proposal of another. */
function makeGrant(core: Core, grant: ColdStartGrant, nonce: number): void {
  const { state } = core;
  if (!isRecovering(state) && state.grant === null) leaveForEpoch(core);
  state.grant = grant;
  state.grantNonce = nonce;
  state.coldStart.grantedNonce = state.nonce;
  writeState(core, describeCopy(core), []);
}

/** Whether an answer of this member, to the question with this nonce, comes from after it gave its proposal up. */
export function isWithdrawnBy(core: Core, from: NodeId, nonce: number): boolean {
  const { grant, coldStart } = core.state;
  return grant !== null && grant.to === from && nonce > coldStart.grantedNonce;
}

/** Nobody will start the epoch that was agreed to: this replica takes part in its own again. */
export function withdrawGrant(core: Core): void {
  const { state } = core;
  state.grant = null;
  state.coldStart.proposal = 0;
  if (!isRecovering(state) && state.logView === state.view) {
    if (leads(core)) {
      joinView(core, state.view + 1);
      return;
    }
    state.status = 'normal';
  }
  writeState(core, describeCopy(core), []);
}

export function onGrantDurable(core: Core): void {
  const { state, config } = core;
  const { grant, durableGrant, grantNonce } = state;
  if (grant === null || durableGrant?.epoch !== grant.epoch || durableGrant.to !== grant.to) return;
  const { epoch, view, to } = grant;
  if (to !== config.self) {
    // Of an earlier run of the process: said when the proposer asks again.
    if (grantNonce === 0) return;
    core.out.send(to, { type: 'coldStartGranted', epoch, view, nonce: grantNonce, ...logStanding(core) });
    return;
  }
  announce(core);
  startEpochIfGranted(core);
}

function announce(core: Core): void {
  const { state, config, index } = core;
  const { durableGrant, grant, coldStart } = state;
  if (grant === null || durableGrant?.epoch !== grant.epoch || durableGrant.to !== config.self) return;
  if (coldStart.proposal === 0) return;
  coldStart.granted[index] = logStanding(core);
  const { epoch, view } = grant;
  broadcast(core, { type: 'coldStart', epoch, view, nonce: coldStart.proposal });
}

export function onColdStart(core: Core, from: NodeId, message: ColdStartMessage): void {
  const { state, config } = core;
  const { grant } = state;
  if (message.epoch <= state.epoch || primaryOf(config.members, message.view) !== from) return;
  if (grant !== null && grant.epoch >= message.epoch) {
    if (grant.to !== from || grant.epoch > message.epoch) return;
    state.grantNonce = message.nonce;
    onGrantDurable(core);
    return;
  }
  // One who has a primary, or is one, knows better than to give its epoch up.
  if (!isRecovering(state) && grant === null && !hasNoPrimary(core)) return;
  makeGrant(core, { epoch: message.epoch, view: message.view, to: from }, message.nonce);
}

export function onColdStartGranted(core: Core, from: NodeId, message: ColdStartGranted): void {
  const { state, config } = core;
  const { grant, coldStart } = state;
  if (grant === null || grant.to !== config.self || message.epoch !== grant.epoch) return;
  if (coldStart.proposal === 0 || message.nonce !== coldStart.proposal) return;
  coldStart.granted[config.members.indexOf(from)] = message;
  startEpochIfGranted(core);
}

/** All have agreed, and from then on none of these logs changes: if this one is the best, the epoch starts from it. */
function startEpochIfGranted(core: Core): void {
  const { state, config, index } = core;
  const { grant, coldStart } = state;
  if (grant === null || grant.to !== config.self || coldStart.granted[index] === null) return;
  const states = knownStates(core);
  const isComplete = coldStart.granted.every(
    (granted, member) => granted !== null || (states[member] === null && mayDoWithout(core)),
  );
  const logs = coldStart.granted.filter((granted) => granted !== null);
  if (!isComplete || bestOf(logs) !== coldStart.granted[index]) return;
  leaveView(core, grant.view);
  state.epoch = grant.epoch;
  state.logView = grant.view;
  state.lossEpoch++;
  state.status = 'normal';
  state.verdict = 'none';
  state.grant = null;
  coldStart.ordered = 'no';
  coldStart.proposal = 0;
  state.salvaged.clear();
  const missing = firstMissingBody(state);
  if (missing !== null) truncateAbove(state, missing - 1);
  // What was known to be committed beyond is not in this log: what takes its place is not committed by that.
  state.commitMax = Math.min(state.commitMax, headOp(state));
  writeState(core, describeState(core), []);
}
