import { ModeFlag, type PrepareHeader, PrepareKind } from '@vireo/protocol';
import type { ReplicaState } from './replica-state.ts';

/**
 * What an ack of the group promises: that the body is on stable storage (`disk`), or in the memory of the process
 * (`memory`). It is changed by a logged op, so every replica knows the mode of every op.
 */
export type Mode = 'disk' | 'memory';

/** The mode from this op on, itself included; null: the op changes nothing. */
export function modeSetBy(header: PrepareHeader): Mode | null {
  if (header.kind !== PrepareKind.mode) return null;
  return header.flags === ModeFlag.memory ? 'memory' : 'disk';
}

/** The mode in which an op of the log is acked. */
export function modeAt(state: ReplicaState, op: number): Mode {
  let { mode } = state;
  if (state.modeOps === 0) return mode;
  for (const { header } of state.log) {
    if (header.op > op) break;
    mode = modeSetBy(header) ?? mode;
  }
  return mode;
}

export function headMode(state: ReplicaState): Mode {
  return state.modeOps === 0 ? state.mode : modeAt(state, Number.MAX_SAFE_INTEGER);
}

/** Whether a body at this op goes to the journal: always in `disk`, in `memory` only what a switch to `disk` waits for. */
export function isJournaled(state: ReplicaState, header: PrepareHeader): boolean {
  if (state.modeOps === 0 && state.mode === 'disk') return true;
  if (header.op <= state.commitMin) return state.appliedUnwritten.get(header.op) === header.checksum;
  return headMode(state) === 'disk' || modeAt(state, header.op) === 'disk';
}

/** Up to here the applied ops must be in a checkpoint before anything more is acked, or before the mark is cleared. */
export function isVolatile(state: ReplicaState): boolean {
  return state.volatileTo > state.checkpointOp;
}

/**
 * Whether something held here may have been acked that is not durable: what the mark in the state record says.
 */
export function wantsMark(state: ReplicaState): boolean {
  if (state.modeOps === 0 && state.mode === 'disk') return isVolatile(state);
  if (headMode(state) === 'memory' || isVolatile(state)) return true;
  let { mode } = state;
  for (const { header, prepare, durable } of state.log) {
    mode = modeSetBy(header) ?? mode;
    if (mode === 'memory' && prepare !== null && !durable) return true;
  }
  return false;
}

/**
 * Up to where the chain is unbroken and held as the mode of each op promises: what an ack may say. An ack that covers
 * a switch to `disk` promises stable storage for all that is below it, and that the mark is gone.
 */
export function ackableOp(state: ReplicaState): number {
  // They were applied in order, and so were entered in order.
  for (const op of state.appliedUnwritten.keys()) return op - 1;
  let op = state.commitMin;
  if (state.mustSync > state.checkpointOp) return op;
  let { mode } = state;
  let isDurable = !isVolatile(state);
  const head = headMode(state);
  for (const entry of state.log) {
    mode = modeSetBy(entry.header) ?? mode;
    if (entry.prepare === null) break;
    isDurable = isDurable && entry.durable;
    const isPromised =
      mode === 'memory'
        ? isDurable || state.durableMark
        : isDurable && (head === 'memory' || !state.durableMark);
    if (!isPromised) break;
    op = entry.header.op;
  }
  return op;
}
