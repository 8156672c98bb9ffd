import { applyCommitted } from './commit.ts';
import { broadcast, type Core, isLeading, leads, primary, viewIsDurable } from './core.ts';
import type { ReadIndex, ReadIndexOk } from './message.ts';
import type { NodeId } from './quorums.ts';
import { requestMissing } from './repair.ts';

/**
 * Linearizable reads by ReadIndex (Ongaro, *Consensus: Bridging Theory and Practice*, section 6.4). A read sees all that was
 * executed anywhere before it arrived. The primary takes its commit number, once the noop of its view is committed, and
 * then asks all: when a replication quorum, itself included, has answered from within this view, nobody had begun another
 * one when the read arrived, so nobody had committed more. An answer to what was sent before the read arrived proves
 * nothing of the kind, and neither does any clock (erratum E13). A backup asks the primary for the number, and waits until
 * it has applied that op. One round serves all reads that arrived before it was sent.
 */

/** Reads of this node that may wait in one group. */
const READS_MAX = 1_024;
/** Rounds of one start of the process that share a range: no start reuses a number of another. */
const ROUNDS_PER_START = 2 ** 32;

interface PendingRead {
  /** Place of whose read it is among the members: another's was asked for with a message. */
  readonly asker: number;
  /** The request's id; of another one's, the number of its question. */
  readonly number: number;
  /** The round that it waits for; 0: not sent yet. */
  readonly round: number;
  /** It sees this op; −1: not known yet. */
  readonly op: number;
}

/** Of all replicas; plain data. */
export interface ReadState {
  reads: PendingRead[];
  /** Number of the last round that was sent, in this view or before. */
  readRound: number;
  readSentTick: number;
  /** Primary: by member, the last round of this view that it has answered; 0: none. */
  readAnswered: number[];
}

export function initialReads(n: number, startCounter: number): ReadState {
  return {
    reads: [],
    readRound: startCounter * ROUNDS_PER_START,
    readSentTick: 0,
    readAnswered: new Array<number>(n).fill(0),
  };
}

/** The reply is the op up to which all is applied here then. Refused: `notReady`, `overloaded`. */
export function onRead(core: Core, id: number): void {
  const { state } = core;
  if (state.status !== 'normal' || state.failed || state.halted) refuseRead(core, id, 'notReady');
  else if (state.reads.length >= READS_MAX) refuseRead(core, id, 'overloaded');
  else state.reads.push({ asker: core.index, number: id, round: 0, op: -1 });
}

function refuseRead(core: Core, id: number, code: 'notReady' | 'overloaded'): void {
  const { epoch, view } = core.state;
  core.out.reply(id, { type: 'refused', code, epoch, view, primary: primary(core) });
}

/** The view is left, or the process stops: nothing of what was asked and answered counts any more. */
export function releaseReads(core: Core): void {
  const { state } = core;
  const { reads } = state;
  state.reads = [];
  state.readAnswered.fill(0);
  for (const { asker, number } of reads) if (asker === core.index) refuseRead(core, number, 'notReady');
}

/** End of a turn: what may be answered is; what has come meanwhile goes out together, once the last round is through. */
export function settleReads(core: Core): void {
  const { state } = core;
  if (state.reads.length === 0 || state.status !== 'normal' || state.failed || state.halted) return;
  serve(core);
  const confirmed = confirmedRound(core);
  if (!state.reads.some((read) => read.round > 0 && !isConfirmed(read, confirmed))) sendRound(core);
}

/** A round, or an answer to it, may be lost. The next one has another number, and stands for the earlier ones as well. */
export function tickReads(core: Core): void {
  const { state, config } = core;
  if (state.reads.length === 0 || state.status !== 'normal') return;
  if (state.tick - state.readSentTick >= config.timeouts.retransmit) sendRound(core);
}

function sendRound(core: Core): void {
  const { state } = core;
  const confirmed = confirmedRound(core);
  if (state.reads.every((read) => read.round > 0 && isConfirmed(read, confirmed))) return;
  const isPrimary = leads(core);
  if (isPrimary ? !isLeading(core) : !viewIsDurable(core)) return;
  state.readRound++;
  state.readSentTick = state.tick;
  const op = isPrimary ? state.commitMax : -1;
  state.reads = state.reads.map((read) => (read.round > 0 ? read : { ...read, round: state.readRound, op }));
  const message: ReadIndex = {
    type: 'readIndex',
    epoch: state.epoch,
    view: state.view,
    number: state.readRound,
  };
  if (isPrimary) broadcast(core, message);
  else core.out.send(primary(core), message);
  // Alone: there is nobody to ask.
  if (isPrimary && core.quorums.replication === 1) serve(core);
}

/** Primary: the last round that a replication quorum has answered. Null at a backup, which is told the op instead. */
function confirmedRound(core: Core): number | null {
  const { state, quorums } = core;
  if (!leads(core)) return null;
  const answered = state.readAnswered.slice();
  answered[core.index] = state.readRound;
  answered.sort((a, b) => b - a);
  return answered[quorums.replication - 1] as number;
}

/** Whether it is known which op the read has to see. */
function isConfirmed({ round, op }: PendingRead, confirmed: number | null): boolean {
  return confirmed === null ? op >= 0 : round <= confirmed;
}

function serve(core: Core): void {
  const { state, config } = core;
  const confirmed = confirmedRound(core);
  const waiting: PendingRead[] = [];
  const served: PendingRead[] = [];
  for (const read of state.reads) {
    const isOwn = read.asker === core.index;
    const isDone = read.round > 0 && isConfirmed(read, confirmed) && (!isOwn || read.op <= state.commitMin);
    (isDone ? served : waiting).push(read);
  }
  state.reads = waiting;
  for (const { asker, number, op } of served) {
    if (asker === core.index) {
      core.out.reply(number, { type: 'reply', reply: state.commitMin });
    } else {
      const { epoch, view } = state;
      core.out.send(config.members[asker] as NodeId, { type: 'readIndexOk', epoch, view, number, op });
    }
  }
}

/** From the primary: "are you in this view still?" From a backup: "what must a read see that arrives now?" */
export function onReadIndex(core: Core, from: NodeId, { number }: ReadIndex): void {
  const { state, config } = core;
  if (state.status !== 'normal') return;
  if (leads(core)) {
    const asker = config.members.indexOf(from);
    // The last question stands for those before it, but not for one that is about to be answered.
    state.reads = state.reads.filter((read) => read.asker !== asker || read.round > 0);
    if (state.reads.filter((read) => read.asker === asker).length < 2)
      state.reads.push({ asker, number, round: 0, op: -1 });
  } else if (from === primary(core) && viewIsDurable(core)) {
    const { epoch, view } = state;
    core.out.send(from, { type: 'readIndexOk', epoch, view, number, op: 0 });
  }
}

export function onReadIndexOk(core: Core, from: NodeId, { number, op }: ReadIndexOk): void {
  const { state, config } = core;
  if (state.status !== 'normal') return;
  if (leads(core)) {
    const member = config.members.indexOf(from);
    state.readAnswered[member] = Math.max(state.readAnswered[member] as number, number);
  } else if (from === primary(core)) {
    state.reads = state.reads.map((read) =>
      read.op < 0 && read.round > 0 && read.round <= number ? { ...read, op } : read,
    );
    // The primary knew it to be committed in this very view.
    if (op <= state.commitMax) return;
    state.commitMax = op;
    state.progressTick = state.tick;
    applyCommitted(core);
    requestMissing(core);
  }
}
