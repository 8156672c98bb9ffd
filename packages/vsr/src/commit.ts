import { PrepareKind } from '@vireo/protocol';
import { lossEpochIn } from './cold-start-op.ts';
import type { Core } from './core.ts';
import { leads } from './core.ts';
import { takeDigest } from './digest.ts';
import { headOp, shiftApplied } from './log.ts';
import { ackableOp } from './mode.ts';

/**
 * Applies what is known to be committed and held, in order. Side effects happen here only: whatever an
 * uncommitted op did could have to be undone (erratum E11).
 */
export function applyCommitted(core: Core): void {
  const { state, machine, out } = core;
  while (state.commitMin < state.commitMax) {
    const prepare = state.log[0]?.prepare;
    if (prepare === undefined || prepare === null) return;
    shiftApplied(state);
    state.progressTick = state.tick;
    if (prepare.header.kind === PrepareKind.coldStart) state.appliedLossEpoch = lossEpochIn(prepare);
    const reply = machine.apply(prepare);
    takeDigest(core, prepare.header.kind);
    const waiters = state.waiters.get(prepare.header.op);
    if (waiters === undefined) continue;
    state.waiters.delete(prepare.header.op);
    for (const waiter of waiters) {
      out.reply(waiter.requestId, { type: 'reply', reply: waiter.reply ?? reply });
    }
  }
}

/** Primary: commits what a replication quorum holds durably, this replica counted only if its own copy is. */
export function advanceCommit(core: Core): void {
  const { state, quorums } = core;
  if (state.status !== 'normal' || !leads(core) || !state.started) return;
  const durable = state.acked.slice();
  durable[core.index] = ackableOp(state);
  durable.sort((a, b) => b - a);
  const committed = Math.min(durable[quorums.replication - 1] ?? 0, headOp(state));
  if (committed > state.commitMax) {
    state.commitMax = committed;
    state.retransmitAttempt = 0;
    state.retransmitTick = state.tick;
    state.progressTick = state.tick;
  }
  applyCommitted(core);
}
