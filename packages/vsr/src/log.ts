import type { Checksum, Prepare, PrepareHeader } from '@vireo/protocol';
import { assert } from './assert.ts';
import { modeSetBy } from './mode.ts';
import { PIPELINE_MAX } from './pipeline.ts';
import type { LogEntry, ReplicaState } from './replica-state.ts';

/** The log above commitMin: contiguous, every header known, chained from the last applied op. */

export function headOp(state: ReplicaState): number {
  return state.commitMin + state.log.length;
}

export function entryAt(state: ReplicaState, op: number): LogEntry | null {
  return state.log[op - state.commitMin - 1] ?? null;
}

/** Checksum of an op from commitMin to the head; null outside. */
export function checksumAt(state: ReplicaState, op: number): Checksum | null {
  if (op === state.commitMin) return state.committedChecksum;
  return entryAt(state, op)?.header.checksum ?? null;
}

export function headChecksum(state: ReplicaState): Checksum {
  return state.log.at(-1)?.header.checksum ?? state.committedChecksum;
}

export function headTimestamp(state: ReplicaState): number {
  return state.log.at(-1)?.header.timestamp ?? state.committedTimestamp;
}

export function appendEntry(
  state: ReplicaState,
  header: PrepareHeader,
  prepare: Prepare | null,
  durable: boolean,
): void {
  assert(header.op === headOp(state) + 1, 'the log has no holes', header.op, headOp(state));
  assert(header.parent === headChecksum(state), 'the log is a chain', header.op);
  // The first open op after a rest: what it waits for begins now, not when the last one was applied.
  if (state.log.length === 0) state.progressTick = state.tick;
  pushEntry(state, { header, prepare, durable, faulty: false });
}

/** Puts an entry at the head. One that ends the mode `memory` makes stable what is held below it. */
export function pushEntry(state: ReplicaState, entry: LogEntry): void {
  const mode = modeSetBy(entry.header);
  if (mode !== null) {
    state.modeOps++;
    if (mode === 'disk') {
      for (const { prepare, durable } of state.log)
        if (prepare !== null && !durable) state.unwritten.push(prepare);
    }
  }
  state.log.push(entry);
  state.logBytes += entry.header.size;
  noteHeld(state);
}

/** A body came in. In `memory` that is all an ack waits for. */
export function noteHeld(state: ReplicaState): void {
  if (state.modeOps > 0 || state.mode === 'memory') state.ackDue = true;
}

/** Drops the entries above `op`. Never at or below a committed op. */
export function truncateAbove(state: ReplicaState, op: number): void {
  assert(op >= state.commitMin, 'applied ops stay', op, state.commitMin);
  while (headOp(state) > op) {
    const entry = state.log.pop() as LogEntry;
    state.logBytes -= entry.header.size;
    if (modeSetBy(entry.header) !== null) state.modeOps--;
  }
}

/** Removes the first entry, which has been applied. */
export function shiftApplied(state: ReplicaState): void {
  const entry = state.log.shift();
  assert(entry !== undefined, 'an op is applied from the log');
  state.logBytes -= entry.header.size;
  state.commitMin = entry.header.op;
  state.committedChecksum = entry.header.checksum;
  state.committedTimestamp = entry.header.timestamp;
  const mode = modeSetBy(entry.header);
  if (mode !== null) {
    state.modeOps--;
    if (mode === 'disk' && state.mode === 'memory')
      state.mustSync = Math.max(state.mustSync, state.volatileTo);
    state.mode = mode;
  }
  if (entry.durable) return;
  // In `memory` it is in no journal: a checkpoint alone makes it durable.
  if (state.mode === 'memory') state.volatileTo = entry.header.op;
  else state.appliedUnwritten.set(entry.header.op, entry.header.checksum);
}

/**
 * An op is on stable storage here. By checksum: a write that was under way when a view change replaced its op says
 * nothing of the one that stands there now, applied or not.
 */
export function noteDurable(state: ReplicaState, { op, checksum }: PrepareHeader): void {
  const entry = entryAt(state, op);
  if (entry?.header.checksum === checksum) entry.durable = true;
  else if (state.appliedUnwritten.get(op) === checksum) state.appliedUnwritten.delete(op);
}

export function firstMissingBody(state: ReplicaState): number | null {
  for (const entry of state.log) if (entry.prepare === null) return entry.header.op;
  return null;
}

/** The log does not grow past this op: a missing body stays within what a list of headers can name. */
export function appendLimit(state: ReplicaState): number {
  const missing = firstMissingBody(state);
  return missing === null ? Number.MAX_SAFE_INTEGER : missing + PIPELINE_MAX - 1;
}

/** The uncommitted suffix, as a vote, a StartView or a state record states it. */
export function suffixAnchor(state: ReplicaState): {
  anchorOp: number;
  anchorChecksum: Checksum;
  entries: LogEntry[];
} {
  // An op is prepared only when the one PIPELINE_MAX below it is known to be committed: no list is ever longer.
  const implied = headOp(state) - PIPELINE_MAX;
  // A header without its body is kept by state records alone: they name it however low it is, or the journal's
  // reuse would leave a log with a hole that the next start cannot bridge (`appendLimit` keeps it in reach).
  const held = (firstMissingBody(state) ?? headOp(state) + 1) - 1;
  const anchorOp = Math.max(state.commitMin, implied, Math.min(state.commitMax, held));
  const anchorChecksum = checksumAt(state, anchorOp);
  assert(anchorChecksum !== null, 'the anchor lies in the log', anchorOp);
  return { anchorOp, anchorChecksum, entries: state.log.slice(anchorOp - state.commitMin) };
}
