import type { Prepare } from '@vireo/protocol';
import type { Core } from './core.ts';
import { suffixAnchor } from './log.ts';
import { isJournaled, isVolatile, wantsMark } from './mode.ts';
import type { PendingWrite } from './replica-state.ts';
import type { StateRecord } from './state-record.ts';

/**
 * Hands the prepares gathered in this turn to the journal: one write, however many they are. The journal keeps
 * the order of the calls, so a state record written after this promises nothing that is not durable by then.
 */
export function writePrepares(core: Core): void {
  const { state } = core;
  if (state.unwritten.length === 0) return;
  const prepares = state.unwritten.filter(({ header }) => isJournaled(state, header));
  state.unwritten = [];
  if (prepares.length === 0) return;
  const token = beginWrite(core, { type: 'prepares', headers: prepares.map((prepare) => prepare.header) });
  core.out.persist(token, { type: 'prepares', prepares });
}

function beginWrite(core: Core, write: PendingWrite): number {
  const { state } = core;
  if (state.tokens.size === 0) state.writtenTick = state.tick;
  const token = state.nextToken++;
  state.tokens.set(token, write);
  for (const { size } of write.headers) state.writingBytes += size;
  return token;
}

/** The write of a token is on stable storage, or failed for good. */
export function endWrite(core: Core, token: number): PendingWrite | null {
  const { state } = core;
  const write = state.tokens.get(token);
  if (write === undefined) return null;
  state.tokens.delete(token);
  state.writtenTick = state.tick;
  for (const { size } of write.headers) state.writingBytes -= size;
  return write;
}

/**
 * So much waits for this replica's disk that nothing more is taken on. The others may commit without it, so the
 * pipeline alone does not bound what it was handed and has not written.
 */
export function isBehindOnWrites(core: Core): boolean {
  return core.state.writingBytes > 2 * core.config.pipelineBytes;
}

/** The present promise and log as a record. */
export function describeState(core: Core): StateRecord {
  const { state } = core;
  const { verdict, grant, lossEpoch } = state;
  // What was found set stays set while it is not known what was acked.
  const mark = verdict === 'none' ? wantsMark(state) : state.mark;
  // In a view change the record repeats what the vote of this view says, whatever repair has added since:
  // a replica's votes for one view are equal, also across restarts.
  if (state.status === 'viewChange' && state.promise !== null && state.promise.view === state.view) {
    return { ...state.promise, mark, grant };
  }
  const { anchorOp, anchorChecksum, entries } = suffixAnchor(state);
  return {
    epoch: state.epoch,
    view: state.view,
    logView: state.logView,
    lossEpoch,
    mark,
    verdict,
    grant,
    commitMax: state.commitMax,
    anchorOp,
    anchorChecksum,
    headers: entries.map((entry) => entry.header),
    present: entries.map((entry) => entry.prepare !== null),
    nack: entries.map((entry) => verdict === 'none' && entry.prepare === null && !entry.faulty),
    faulty: entries.map((entry) => entry.prepare === null && entry.faulty),
  };
}

/**
 * The present promise and log said again, behind what the journal holds already. The mark is the one last written: what
 * is acked goes by that one, and only a record that states the whole log in normal clears it.
 */
export function describeCopy(core: Core): StateRecord {
  return { ...describeState(core), mark: core.state.mark, copied: true };
}

/**
 * Keeps the durable mark in step with what is held: set before anything is acked that is not durable, cleared when all
 * is, and only in normal: the record that clears it states the whole log.
 */
export function syncMark(core: Core): void {
  const { state } = core;
  if (state.failed || state.halted || state.verdict !== 'none' || state.durableView < 0) return;
  const mark = wantsMark(state);
  if (mark === state.mark || (!mark && state.status !== 'normal')) return;
  writeState(core, describeState(core), []);
}

/** See `Replica.seal`. */
export function seal(core: Core): void {
  const { state } = core;
  if (!state.halted || state.seal !== 'no') return;
  const isWhole =
    state.verdict === 'none' &&
    state.grant === null &&
    !state.failed &&
    !state.log.some((entry) => entry.faulty);
  if (!state.mark || !isWhole || isVolatile(state)) {
    state.seal = 'done';
    return;
  }
  state.seal = 'writing';
  const tail = state.log.flatMap(({ prepare, durable }) => (prepare === null || durable ? [] : [prepare]));
  writeState(core, { ...describeState(core), mark: false }, tail);
}

/**
 * Makes the present view and log durable, together with bodies that the record's headers name. What waits for it
 * is made when it is durable, from the state as it then is.
 */
export function writeState(core: Core, record: StateRecord, prepares: readonly Prepare[]): void {
  writePrepares(core);
  const { epoch, view, logView, mark, grant } = record;
  core.state.mark = mark;
  const headers = prepares.map((prepare) => prepare.header);
  const token = beginWrite(core, { type: 'state', epoch, view, logView, mark, grant, headers });
  core.out.persist(token, { type: 'state', record, prepares });
}
