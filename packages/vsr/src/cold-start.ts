import { broadcast, type Core, isRecovering, leads } from './core.ts';
import { firstMissingBody, truncateAbove } from './log.ts';
import type { ColdStartGranted, ColdStartMessage, RecoveryState } from './message.ts';
import { type NodeId, primaryOf } from './quorums.ts';
import { describeRecovery, poll } from './recovering.ts';
import { leaveForEpoch } from './start-view.ts';
import type { ColdStartGrant } from './state-record.ts';
import { leaveView } from './view-change.ts';
import { backoff } from './waits.ts';
import { describeState, writeState } from './writes.ts';

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
  if (!isStuck(core)) return;
  const wait = backoff(timeouts.retransmit, state.pollAttempt, timeouts.retransmitMax, 2);
  if (state.tick - state.pollTick < wait) return;
  state.pollAttempt++;
  poll(core);
  propose(core);
}

function isStuck(core: Core): boolean {
  const { state, config, quorums } = core;
  if (isRecovering(state) || state.grant !== null) return true;
  if (!hasNoPrimary(core)) return false;
  const oldest = state.tick - config.timeouts.suspectWindow;
  const recovering = state.coldStart.askedTicks.filter((tick) => tick >= 0 && tick >= oldest).length;
  return config.members.length - recovering < quorums.viewChange;
}

function hasNoPrimary(core: Core): boolean {
  const { state } = core;
  if (state.status === 'viewChange') return true;
  return state.status === 'normal' && !leads(core) && (state.suspects[core.index] as number) >= 0;
}

export function onRecoveryState(core: Core, from: NodeId, message: RecoveryState): void {
  const { state, config } = core;
  if (message.nonce <= state.firstNonce || message.nonce > state.nonce) return;
  if (message.epoch !== state.epoch) return;
  const member = config.members.indexOf(from);
  state.coldStart.states[member] = message;
  state.coldStart.stateTicks[member] = state.tick;
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
  if (grant !== null) {
    if (grant.to === config.self) announce(core, grant);
    return;
  }
  if (config.coldStart !== 'allPresent' && coldStart.ordered === 'no') return;
  const states = knownStates(core);
  const present = states.filter((known) => known !== null);
  if (present.length < states.length && !mayDoWithout(core)) return;
  // With a quorum of those who know what they acked the ordinary way leads on, and loses nothing.
  if (present.filter(({ recovering }) => !recovering).length >= quorums.viewChange) return;
  if (states.indexOf(bestOf(present)) !== core.index) return;
  let view = Math.max(state.view, ...present.map((known) => known.view)) + 1;
  while (primaryOf(config.members, view) !== config.self) view++;
  coldStart.granted.fill(false);
  makeGrant(core, { epoch: state.epoch + 1, view, to: config.self });
}

/** The operator has ordered it without those who do not answer, and they were given time to. */
function mayDoWithout(core: Core): boolean {
  const { state, config } = core;
  return (
    state.coldStart.ordered === 'present' &&
    state.tick - state.coldStart.orderedTick >= config.timeouts.suspectWindow
  );
}

/**
 * The best log among those that contain all that any member knows to be committed: so nobody has to undo what it has
 * applied. By loss epoch, then by the view that speaks for the log, then by length. Null when no log contains it all.
 */
export function bestOf(states: readonly RecoveryState[]): RecoveryState | null {
  let committed: RecoveryState | null = null;
  for (const known of states) {
    if (committed === null || known.anchorOp > committed.anchorOp) committed = known;
  }
  let best: RecoveryState | null = null;
  for (const known of states) {
    if (committed === null || !contains(known, committed)) continue;
    if (best === null || ranksAbove(known, best)) best = known;
  }
  return best;
}

function contains(log: RecoveryState, { anchorOp, anchorChecksum }: RecoveryState): boolean {
  if (log.anchorOp === anchorOp) return log.anchorChecksum === anchorChecksum;
  return log.headers[anchorOp - log.anchorOp - 1]?.checksum === anchorChecksum;
}

function ranksAbove(a: RecoveryState, b: RecoveryState): boolean {
  if (a.lossEpoch !== b.lossEpoch) return a.lossEpoch > b.lossEpoch;
  if (a.rank !== b.rank) return a.rank > b.rank;
  return a.anchorOp + a.headers.length > b.anchorOp + b.headers.length;
}

/** Agrees to an epoch; said when it is durable (`onGrantDurable`). */
function makeGrant(core: Core, grant: ColdStartGrant): void {
  const { state } = core;
  if (!isRecovering(state)) leaveForEpoch(core);
  state.grant = grant;
  writeState(core, { ...describeState(core), copied: true }, []);
}

export function onGrantDurable(core: Core): void {
  const { state, config } = core;
  const { grant, durableGrant } = state;
  if (grant === null || durableGrant?.epoch !== grant.epoch || durableGrant.to !== grant.to) return;
  if (grant.to !== config.self) {
    core.out.send(grant.to, { type: 'coldStartGranted', epoch: grant.epoch, view: grant.view });
    return;
  }
  state.coldStart.granted[core.index] = true;
  announce(core, grant);
  startEpochIfGranted(core);
}

function announce(core: Core, grant: ColdStartGrant): void {
  if (core.state.durableGrant?.to !== core.config.self) return;
  core.state.coldStart.granted[core.index] = true;
  broadcast(core, { type: 'coldStart', epoch: grant.epoch, view: grant.view });
}

export function onColdStart(core: Core, from: NodeId, message: ColdStartMessage): void {
  const { state, config } = core;
  if (message.epoch !== state.epoch + 1 || primaryOf(config.members, message.view) !== from) return;
  if (state.grant !== null) {
    if (state.grant.to === from) onGrantDurable(core);
    return;
  }
  // One who has a primary, or is one, knows better than to give its epoch up.
  if (!isRecovering(state) && !hasNoPrimary(core)) return;
  makeGrant(core, { epoch: message.epoch, view: message.view, to: from });
}

export function onColdStartGranted(core: Core, from: NodeId, message: ColdStartGranted): void {
  const { state, config } = core;
  const { grant } = state;
  if (grant === null || grant.to !== config.self) return;
  if (message.epoch !== grant.epoch || message.view !== grant.view) return;
  state.coldStart.granted[config.members.indexOf(from)] = true;
  startEpochIfGranted(core);
}

function startEpochIfGranted(core: Core): void {
  const { state, config } = core;
  const { grant, durableGrant, coldStart } = state;
  if (grant === null || durableGrant?.to !== config.self || grant.to !== config.self) return;
  const states = knownStates(core);
  const isComplete = coldStart.granted.every(
    (granted, member) => granted || (states[member] === null && mayDoWithout(core)),
  );
  if (!isComplete) return;
  leaveView(core, grant.view);
  state.epoch = grant.epoch;
  state.logView = grant.view;
  state.lossEpoch++;
  state.status = 'normal';
  state.verdict = 'none';
  state.grant = null;
  state.coldStart.ordered = 'no';
  state.salvaged.clear();
  const missing = firstMissingBody(state);
  if (missing !== null) truncateAbove(state, missing - 1);
  writeState(core, describeState(core), []);
}
