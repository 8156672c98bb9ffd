import type { Prepare, PrepareHeader } from '@vireo/protocol';
import type { Core } from './core.ts';
import { entryAt, noteDurableApplied, suffixAnchor } from './log.ts';
import type { StateRecord } from './state-record.ts';

/**
 * Hands the prepares gathered in this turn to the journal: one write, however many they are. The journal keeps
 * the order of the calls, so a state record written after this promises nothing that is not durable by then.
 */
export function writePrepares(core: Core): void {
  const { state } = core;
  if (state.unwritten.length === 0) return;
  const prepares = state.unwritten;
  state.unwritten = [];
  const token = state.nextToken++;
  state.tokens.set(token, { type: 'prepares', headers: prepares.map((prepare) => prepare.header) });
  core.out.persist(token, { type: 'prepares', prepares });
}

/** The present promise and log as a record. */
export function describeState(core: Core): StateRecord {
  const { state } = core;
  // In a view change the record repeats what the vote of this view says, whatever repair has added since:
  // a replica's votes for one view are equal, also across restarts.
  if (state.status === 'viewChange' && state.promise !== null && state.promise.view === state.view) {
    return state.promise;
  }
  const { anchorOp, anchorChecksum, entries } = suffixAnchor(state);
  return {
    epoch: state.epoch,
    view: state.view,
    logView: state.logView,
    commitMax: state.commitMax,
    anchorOp,
    anchorChecksum,
    headers: entries.map((entry) => entry.header),
    present: entries.map((entry) => entry.prepare !== null),
    nack: entries.map((entry) => entry.prepare === null),
  };
}

/**
 * Makes the present view and log durable, together with bodies that the record's headers name. What waits for it
 * is made when it is durable, from the state as it then is.
 */
export function writeState(core: Core, record: StateRecord, prepares: readonly Prepare[]): void {
  const { state } = core;
  writePrepares(core);
  const token = state.nextToken++;
  state.tokens.set(token, {
    type: 'state',
    view: record.view,
    logView: record.logView,
    headers: prepares.map((prepare) => prepare.header),
  });
  core.out.persist(token, { type: 'state', record, prepares });
}

/** Marks what a finished write covers; an entry that another one has replaced since is not touched. */
export function markDurable(core: Core, headers: readonly PrepareHeader[]): void {
  const { state } = core;
  for (const header of headers) {
    if (header.op <= state.commitMin) {
      noteDurableApplied(state, header.op);
      continue;
    }
    const entry = entryAt(state, header.op);
    if (entry !== null && entry.header.checksum === header.checksum) entry.durable = true;
  }
}
