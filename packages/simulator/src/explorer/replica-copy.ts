import type { ReplicaState } from '@vireo/vsr';

/** Longer ago than any wait. */
const LONG_AGO = -1_000_000;

/**
 * A copy that shares with the original only what the core never writes in place. By kind of value and not by name, so
 * that a new field is copied too.
 */
export function copyState(state: ReplicaState): ReplicaState {
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(state)) copy[name] = copyValue(value);
  const copied = copy as unknown as ReplicaState;
  copied.log = copied.log.map((entry) => ({ ...entry }));
  if (copied.formation !== null)
    copied.formation = { ...copied.formation, bodies: [...copied.formation.bodies] };
  copied.coldStart = { ...copied.coldStart };
  for (const list of ['states', 'stateTicks', 'askedTicks', 'granted'] as const)
    copied.coldStart = { ...copied.coldStart, [list]: [...copied.coldStart[list]] };
  return copied;
}

function copyValue(value: unknown): unknown {
  if (Array.isArray(value)) return [...value];
  if (value instanceof Map) return new Map(value);
  return value;
}

/**
 * Takes time out of a state: every wait has just begun, nobody is suspected, nothing is under way for which the search
 * has an action of its own (repair, suspicion, news of higher views). Timers fire at any time in a search, so what is
 * left of them makes no difference, and states that differ in nothing else become one.
 */
export function forgetTime(state: ReplicaState): void {
  state.tick = 0;
  state.heardTick = 0;
  state.suspicionTicks = 50;
  state.progressTick = 0;
  state.suspectSentTick = LONG_AGO;
  state.viewChangeTick = 0;
  state.viewChangeAttempt = 0;
  state.viewChangeWait = 30;
  state.voteTick = 0;
  state.voteAttempt = 0;
  state.retransmitTick = 0;
  state.retransmitAttempt = 0;
  state.pollTick = LONG_AGO;
  state.pollAttempt = 0;
  state.pingTick = 0;
  state.writtenTick = 0;
  state.noticeTick.fill(-1);
  state.answeredMs.fill(Number.NEGATIVE_INFINITY);
  state.questions.fill(null);
  state.ageClaims = [];
  state.readAnswered.fill(0);
  state.readRound = 0;
  state.readSentTick = 0;
  state.suspects.fill(-1);
  state.higherView = 0;
  state.higherTick = 0;
  state.fetch = null;
  state.fetchAttempt = 0;
  state.loads.clear();
  // No cold start in a search: the group has a quorum that did not forget.
  const { coldStart } = state;
  coldStart.states.fill(null);
  coldStart.stateTicks.fill(0);
  coldStart.askedTicks.fill(-1);
  // One question a run is enough: the answer to a later one could have been the answer to it.
  state.nonce = state.firstNonce + 1;
  state.commitSent = state.commitMax;
  state.abdicating = 'no';
  state.handOverTo = null;
  state.handOverView = 0;
  // Clients are told nothing in a search: that an op is acked is seen from commitMin.
  state.waiters.clear();
}

/** Takes out what the core keeps and does not look at again before it is set anew. */
export function forgetRemains(state: ReplicaState): void {
  // Any write that ends makes an ack due.
  if (state.tokens.size > 0) state.ackDue = false;
  if (state.status !== 'normal') return;
  state.votes.fill(null);
  // An ack at or below the commit number says nothing new.
  if (state.started) state.acked = state.acked.map((op) => Math.max(op, state.commitMax));
}

/**
 * Takes out what no step reads where the replica stands, whatever way it goes on. `leads`: its view's primary is it.
 * What the code should not read, but a wrong one might, stays: the nonces of a run, the promise of a view change.
 */
export function forgetUnread(state: ReplicaState, leads: boolean): void {
  // Read in cold starts alone.
  state.coldStart = { ...state.coldStart, askedNonce: state.firstNonce, grantedNonce: state.firstNonce };
  // Acks are made by backups in normal; the way there, out of another status, sets it anew.
  if (state.status !== 'normal' || leads) state.ackDue = false;
  // They have decided on a log. They count again after the next view at the earliest, which begins without votes.
  if (state.formation !== null) state.votes.fill(null);
  // Looked at when it arrived.
  if (state.pendingStartView !== null) state.pendingStartView = { ...state.pendingStartView, nonce: 0 };
  // Applied ops that a checkpoint has made durable are as good as any others.
  if (state.volatileTo <= state.checkpointOp) state.volatileTo = 0;
}

/** All waits of a replica that has to suspect now are over; those for sending things again are not. */
export function makeImpatient(state: ReplicaState): void {
  state.heardTick = LONG_AGO;
  state.viewChangeTick = LONG_AGO;
  state.suspectSentTick = LONG_AGO;
}

/** The next tick sends the heartbeat of a primary, and nothing else. */
export function makePingDue(state: ReplicaState): void {
  state.pingTick = LONG_AGO;
}
