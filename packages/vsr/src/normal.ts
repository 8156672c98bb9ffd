import {
  type ErrorCode,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  type PrepareKindValue,
  sealPrepare,
} from '@vireo/protocol';
import { answerPing } from './age.ts';
import { coldStartBytes, lossEpochIn } from './cold-start-op.ts';
import { advanceCommit, applyCommitted } from './commit.ts';
import { broadcast, type Core, leads, primary, viewIsDurable } from './core.ts';
import { digestBytes, isDigestDue, reportDigest } from './digest.ts';
import { appendEntry, checksumAt, entryAt, headChecksum, headOp, headTimestamp, noteHeld } from './log.ts';
import type { Commit, PingMessage, PrepareMessage, PrepareOk } from './message.ts';
import { ackableOp } from './mode.ts';
import type { NodeId } from './quorums.ts';
import { drainStaging, requestMissing, stage } from './repair.ts';
import type { AdmittedContext, ClientRequest, Reply } from './state-machine.ts';
import { isBehindOnWrites } from './writes.ts';

/** Normal operation (VR Revisited, section 4.1). */

const NO_CONTEXT: AdmittedContext = {
  baseOffset: 0,
  count: 0,
  producerId: 0,
  producerEpoch: 0,
  sequence: 0,
  codec: 0,
};

export function onRequest(core: Core, request: ClientRequest): void {
  const { state, config } = core;
  if (state.status !== 'normal' || !leads(core) || state.failed || state.halted) {
    const code = state.status === 'normal' && !leads(core) ? 'notPrimary' : 'notReady';
    refuse(core, request, request.duplicatesOnly ?? code);
    return;
  }
  const isOpen = state.abdicating === 'no' && state.diverged === 'no';
  const onlyDuplicates = request.duplicatesOnly ?? (isOpen ? undefined : 'notReady');
  if (onlyDuplicates !== undefined) {
    if (!answerIfDuplicate(core, request)) refuse(core, request, onlyDuplicates);
    return;
  }
  // A digest that is due comes first, at the end of the turn.
  if (!mayPrepare(core) || state.queue.length > 0 || isDigestDue(core)) {
    // Only what is in the log already can be judged out of turn: those before it in the queue may be what a
    // gap or a conflict is about.
    if (answerIfDuplicate(core, request)) return;
    if (
      state.queue.length >= config.queueMax ||
      state.queueBytes + request.bytes.length > config.queueBytesMax
    ) {
      refuse(core, request, 'overloaded');
      return;
    }
    state.queue.push(request);
    state.queueBytes += request.bytes.length;
    return;
  }
  admitRequest(core, request);
}

/** Answers, now or at its commit, what is in the log already; false: it is not, or cannot be known yet. */
function answerIfDuplicate(core: Core, request: ClientRequest): boolean {
  const { started, noopOp } = core.state;
  if (!started || noopOp === 0) return false;
  const admission = core.machine.admit(request);
  if (admission.type !== 'duplicate') return false;
  answerDuplicate(core, request.id, admission.op, admission.reply);
  return true;
}

function admitRequest(core: Core, request: ClientRequest): void {
  // One switch at a time: what an ack promises for the ops between two is what it says for both.
  if (request.kind === PrepareKind.mode && core.state.modeOps > 0) {
    refuse(core, request, 'notReady');
    return;
  }
  const admission = core.machine.admit(request);
  if (admission.type === 'duplicate') {
    answerDuplicate(core, request.id, admission.op, admission.reply);
  } else if (admission.type === 'refusal') {
    core.out.reply(request.id, { type: 'reply', reply: admission.reply });
  } else {
    const prepare = prepareOp(core, request.kind, request.bytes, admission.context, request.flags);
    addWaiter(core, prepare.header.op, request.id, null);
  }
}

/** A duplicate of an op in flight is answered when that commits: until then the op may still be dropped. */
function answerDuplicate(core: Core, requestId: number, op: number, reply: Reply): void {
  if (op <= core.state.commitMin) core.out.reply(requestId, { type: 'reply', reply });
  else addWaiter(core, op, requestId, reply);
}

function addWaiter(core: Core, op: number, requestId: number, reply: Reply | null): void {
  const waiters = core.state.waiters.get(op);
  if (waiters === undefined) core.state.waiters.set(op, [{ requestId, reply }]);
  else waiters.push({ requestId, reply });
}

export function refuse(core: Core, request: ClientRequest, code: ErrorCode): void {
  const { state } = core;
  core.out.reply(request.id, {
    type: 'refused',
    code,
    epoch: state.epoch,
    view: state.view,
    primary: primary(core),
  });
}

function mayPrepare(core: Core): boolean {
  const { state } = core;
  return state.started && state.noopOp !== 0 && hasRoom(core);
}

function hasRoom(core: Core): boolean {
  const { state, config } = core;
  if (isBehindOnWrites(core)) return false;
  return headOp(state) - state.commitMax < config.pipeline && state.logBytes < config.pipelineBytes;
}

/** Primary: puts one op at the head, sends it to the backups and gathers it for the journal, in parallel. */
function prepareOp(
  core: Core,
  kind: PrepareKindValue,
  bytes: Buffer,
  context: AdmittedContext,
  flags = 0,
): Prepare {
  const { state, config } = core;
  const prepare = sealPrepare(
    bytes,
    {
      group: config.group,
      op: headOp(state) + 1,
      view: state.view,
      epoch: state.epoch,
      parent: headChecksum(state),
      kind,
      flags,
      // Stamped once, here; no backup stamps again. Never back, whatever the machine's clock does.
      timestamp: Math.max(headTimestamp(state), core.clock.wallMicros()),
      ...context,
    },
    core.checksums,
  );
  appendEntry(state, prepare.header, prepare, false);
  state.unwritten.push(prepare);
  core.machine.prepared(prepare);
  state.commitSent = state.commitMax;
  broadcast(core, {
    type: 'prepare',
    epoch: state.epoch,
    view: state.view,
    commitMax: state.commitMax,
    prepare,
  });
  return prepare;
}

/**
 * Primary: every view starts with a noop of its own, so that logs rank themselves by the view of their last
 * entry and what came before commits without waiting for a client; then whoever waited.
 */
function prepareWaiting(core: Core): void {
  const { state } = core;
  if (!leads(core) || state.status !== 'normal' || !state.started || state.failed || state.halted) return;
  if (state.noopOp === 0 && hasRoom(core)) {
    state.noopOp = prepareFirst(core).header.op;
  }
  while (state.queue.length > 0 && state.abdicating === 'no' && mayPrepare(core)) {
    if (isDigestDue(core)) {
      prepareDigest(core);
      continue;
    }
    const request = state.queue.shift() as ClientRequest;
    state.queueBytes -= request.bytes.length;
    admitRequest(core, request);
  }
}

/** The op with which a view starts: a noop, or, in a log that a cold start has cut, the op that says so. */
function prepareFirst(core: Core): Prepare {
  const { state } = core;
  const context = { ...NO_CONTEXT, baseOffset: core.machine.nextOffset() };
  const isTold =
    state.appliedLossEpoch === state.lossEpoch ||
    state.log.some(
      ({ header, prepare }) =>
        header.kind === PrepareKind.coldStart && prepare !== null && lossEpochIn(prepare) === state.lossEpoch,
    );
  if (isTold) return prepareOp(core, PrepareKind.noop, Buffer.alloc(PREPARE_HEADER_SIZE), context);
  return prepareOp(core, PrepareKind.coldStart, coldStartBytes(state.lossEpoch, headOp(state)), context);
}

function prepareDigest(core: Core): void {
  prepareOp(core, PrepareKind.digest, digestBytes(), {
    ...NO_CONTEXT,
    baseOffset: core.machine.nextOffset(),
  });
}

/** Backup: the primary's Prepare of this view. */
export function onPrepare(core: Core, from: NodeId, message: PrepareMessage): void {
  const { state } = core;
  if (state.status !== 'normal' || from !== primary(core)) return;
  hearPrimary(core);
  learnCommit(core, message.commitMax);
  const { prepare } = message;
  if (prepare.header.op <= headOp(state)) {
    if (fillBody(core, prepare)) drainStaging(core);
    // Sent again because our ack was lost, or is not made yet: the cumulative ack says what holds.
    state.ackDue = true;
  } else {
    stage(core, prepare, true);
    drainStaging(core);
  }
  applyCommitted(core);
  requestMissing(core);
}

/** The primary lives: a suspicion for its silence is over, one for a stuck op is not. */
function hearPrimary(core: Core): void {
  const { state, config } = core;
  state.heardTick = state.tick;
  const stuck =
    headOp(state) > state.commitMin && state.tick - state.progressTick >= config.timeouts.progress;
  if (!stuck) state.suspects[core.index] = -1;
}

/** Puts a body under a header that is known already; by checksum, so it does not matter whose answer it is. */
export function fillBody(core: Core, prepare: Prepare): boolean {
  const { state } = core;
  const entry = entryAt(state, prepare.header.op);
  if (entry === null || entry.prepare !== null || entry.header.checksum !== prepare.header.checksum)
    return false;
  entry.prepare = prepare;
  entry.faulty = false;
  state.unwritten.push(prepare);
  noteHeld(state);
  return true;
}

/** Backup: everything up to `commitMax` is committed in this view, whose log ours is a prefix of. */
function learnCommit(core: Core, commitMax: number): void {
  const { state } = core;
  if (commitMax > state.commitMax) {
    state.commitMax = commitMax;
    state.progressTick = state.tick;
  }
}

export function onCommit(core: Core, from: NodeId, message: Commit): void {
  const { state } = core;
  if (state.status !== 'normal' || from !== primary(core)) return;
  hearPrimary(core);
  const own = checksumAt(state, message.commitMax);
  // A chain other than the primary's: nothing good can come of applying it. The digest of a later issue stops
  // such a replica; here the op is not taken as committed.
  if (own !== null && own !== message.checksum) return;
  learnCommit(core, message.commitMax);
  applyCommitted(core);
  requestMissing(core);
}

export function onPing(core: Core, from: NodeId, message: PingMessage): void {
  const { state } = core;
  if (state.status !== 'normal' || from !== primary(core) || !message.normal) return;
  hearPrimary(core);
  reportDigest(core);
  learnCommit(core, message.commitMax);
  applyCommitted(core);
  answerPing(core, message);
  requestMissing(core);
}

/** Primary: a backup holds the chain up to an op of this very log; an ack by number alone proves nothing (E18). */
export function onPrepareOk(core: Core, from: NodeId, message: PrepareOk): void {
  const { state, config } = core;
  if (state.status !== 'normal' || !leads(core) || !state.started) return;
  const member = config.members.indexOf(from);
  if (message.op > state.commitMin && checksumAt(state, message.op) !== message.checksum) return;
  if (message.op <= (state.acked[member] as number)) return;
  state.acked[member] = message.op;
  advanceCommit(core);
}

/** End of a turn: one cumulative ack, made from what is durable now; the commit number if no prepare took it along. */
export function settleNormal(core: Core): void {
  const { state } = core;
  if (state.status !== 'normal') return;
  if (leads(core)) {
    let head: number;
    do {
      head = headOp(state);
      prepareWaiting(core);
      // Alone and in `memory` there is no event that an op waits for.
      if (core.quorums.replication === 1) advanceCommit(core);
    } while (state.queue.length > 0 && headOp(state) > head);
    if (state.started && state.commitMax > state.commitSent && headOp(state) === state.commitMax)
      sendCommit(core);
    return;
  }
  if (!state.ackDue || !viewIsDurable(core)) return;
  state.ackDue = false;
  const op = ackableOp(state);
  const checksum = checksumAt(state, op);
  // Below commitMin an ack says nothing that the primary does not know.
  if (checksum === null) return;
  const message: PrepareOk = {
    type: 'prepareOk',
    epoch: state.epoch,
    view: state.view,
    op,
    checksum,
    commitMin: state.commitMin,
  };
  core.out.send(primary(core), message);
}

function sendCommit(core: Core): void {
  const { state } = core;
  const checksum = checksumAt(state, state.commitMax);
  if (checksum === null) return;
  state.commitSent = state.commitMax;
  broadcast(core, {
    type: 'commit',
    epoch: state.epoch,
    view: state.view,
    commitMax: state.commitMax,
    checksum,
  });
}
