import { U32_MAX } from '@vireo/protocol';
import { type Core, isLeading, leads, primary, viewIsDurable } from './core.ts';
import { headOp } from './log.ts';
import type { AgeAnswer, PingMessage, PongMessage } from './message.ts';
import type { NodeId } from './quorums.ts';

/**
 * How old what a replica knows of the log may be. An age of `a` ms means: all that was committed anywhere `a` ms ago is
 * applied here. It is counted by the replica's own monotonic clock, from when it *sent* the question to which it has the
 * answer: time on the way, and a pause of either side, makes it older, never younger. Clocks of two nodes are never
 * compared, and nothing but what readers are told depends on any of them.
 *
 * A primary asks by its heartbeat, and is as fresh as the oldest of a replication quorum of answers (itself included):
 * one of them would have been in any view change, so until that answer was sent nobody else had committed anything.
 * Hence one that is cut off grows old. A backup asks by its answer to the heartbeat, and the next heartbeat names that
 * question, the commit number, and how old the primary was when it left.
 */

/** What an answer of a primary said: with `op` applied, all is applied that was committed at `asOfMs` of the own clock. */
interface AgeClaim {
  readonly asOfMs: number;
  readonly op: number;
}

/** Of all replicas; plain data. */
export interface AgeState {
  /** Primary: by member, when the newest heartbeat of this view was sent that it has answered; −Infinity: none. */
  answeredMs: number[];
  /** Primary: by member, the last question of this view. */
  questions: (PongMessage['question'] | null)[];
  /** The best one whose op is applied, and at most two that wait for theirs. */
  ageClaims: AgeClaim[];
}

export function initialAge(n: number): AgeState {
  return {
    answeredMs: new Array<number>(n).fill(Number.NEGATIVE_INFINITY),
    questions: new Array<null>(n).fill(null),
    ageClaims: [],
  };
}

/** The view is left: its answers say nothing of the next one. What was true of the past stays true. */
export function leaveAge(core: Core): void {
  const { state } = core;
  state.answeredMs.fill(Number.NEGATIVE_INFINITY);
  state.questions.fill(null);
  state.ageClaims = state.ageClaims.filter(({ op }) => op <= state.commitMin);
}

/** All that was committed so many ms ago is applied here; Infinity: nothing is known. */
export function ageMs(core: Core): number {
  const { state, quorums, index } = core;
  const nowMs = core.clock.monotonicMs();
  let asOfMs = Number.NEGATIVE_INFINITY;
  for (const claim of state.ageClaims) {
    if (claim.op <= state.commitMin) asOfMs = Math.max(asOfMs, claim.asOfMs);
  }
  if (isLeading(core)) {
    const answered = state.answeredMs.slice();
    answered[index] = nowMs;
    answered.sort((a, b) => b - a);
    asOfMs = Math.max(asOfMs, answered[quorums.replication - 1] as number);
  }
  return Math.max(0, nowMs - asOfMs);
}

/** Primary: the heartbeat. */
export function sendPing(core: Core): void {
  const { state, config } = core;
  const sentMs = Math.floor(core.clock.monotonicMs());
  const age = Math.ceil(ageMs(core));
  config.members.forEach((member, at) => {
    if (member === config.self) return;
    const question = state.questions[at] ?? null;
    const answer: AgeAnswer | null = question === null || age > U32_MAX ? null : { ...question, ageMs: age };
    core.out.send(member, {
      type: 'ping',
      epoch: state.epoch,
      view: state.view,
      op: headOp(state),
      commitMax: state.commitMax,
      normal: true,
      sentMs,
      answer,
    });
  });
}

/** Backup: the heartbeat of its primary has come, and all of it that is held is applied. */
export function answerPing(core: Core, { commitMax, sentMs, answer }: PingMessage): void {
  const { state, config } = core;
  // An answer to a question of an earlier process speaks of another clock.
  if (answer !== null && answer.run === config.startCounter)
    noteClaim(core, { asOfMs: answer.sentMs - answer.ageMs, op: commitMax });
  if (!viewIsDurable(core)) return;
  core.out.send(primary(core), {
    type: 'pong',
    epoch: state.epoch,
    view: state.view,
    sentMs,
    question: { run: config.startCounter, sentMs: Math.floor(core.clock.monotonicMs()) },
  });
}

/**
 * Keeps the oldest claim that waits for its op: under load the commit number of every answer is ahead of what is
 * applied, and one that is replaced by the next would never come true.
 */
function noteClaim(core: Core, claim: AgeClaim): void {
  const { state } = core;
  const reached = state.ageClaims.filter(({ op }) => op <= state.commitMin);
  const [first] = state.ageClaims.filter(({ op }) => op > state.commitMin);
  const best = reached.reduce<AgeClaim | null>(
    (kept, each) => (kept === null || each.asOfMs > kept.asOfMs ? each : kept),
    null,
  );
  state.ageClaims = [best, first ?? null, claim].filter((each) => each !== null);
}

/** Primary: that backup was in this view when it got the heartbeat of `sentMs`. */
export function onPong(core: Core, from: NodeId, message: PongMessage): void {
  const { state, config } = core;
  if (state.status !== 'normal' || !leads(core) || !state.started) return;
  const member = config.members.indexOf(from);
  state.answeredMs[member] = Math.max(state.answeredMs[member] as number, message.sentMs);
  state.questions[member] = message.question;
}
