import { PREPARE_HEADER_SIZE, PrepareKind } from '@vireo/protocol';
import { broadcast, type Core, leads, primary, viewIsDurable } from './core.ts';
import { headOp } from './log.ts';
import type { DigestMessage } from './message.ts';
import type { NodeId } from './quorums.ts';

/**
 * Divergence: equal logs must give equal states. An op of kind `digest` names a point and carries no value; each
 * replica digests its own state when it applies it, and the primary compares. Who differs from a majority stops. With no
 * majority nobody knows who is right: the group takes no writes.
 */

/** The state after an op. */
export interface StateDigest {
  readonly op: number;
  readonly value: string;
}

/** Whether the next op is to be a digest. By its number, so no replica has to remember when the last one was. */
export function isDigestDue(core: Core): boolean {
  return (headOp(core.state) + 1) % core.config.digestEvery === 0;
}

/** A digest op has room for its header alone. */
export function digestBytes(): Buffer {
  return Buffer.alloc(PREPARE_HEADER_SIZE);
}

/** An op was applied: if it asks for it, this replica's own digest. */
export function takeDigest(core: Core, kind: number): void {
  const { state, machine, checksums } = core;
  if (kind !== PrepareKind.digest) return;
  state.digest = { op: state.commitMin, value: checksums.identity(machine.snapshot()) };
  if (state.status !== 'normal') return;
  if (leads(core)) compare(core);
  else reportDigest(core);
}

/** Backup: said when it is made, and again with each heartbeat until the primary says what the majority has. */
export function reportDigest(core: Core): void {
  const { state } = core;
  const { digest, agreedDigest } = state;
  if (digest === null || !viewIsDurable(core)) return;
  if (agreedDigest !== null && agreedDigest.op >= digest.op) return;
  core.out.send(primary(core), { type: 'digest', epoch: state.epoch, view: state.view, ...digest });
}

/** Primary: what the majority has, with each heartbeat, until all have reported that. */
export function announceDigest(core: Core): void {
  const { state } = core;
  const { agreedDigest: agreed } = state;
  if (agreed === null) return;
  const isKnown = state.digests.every(
    (reported, member) =>
      member === core.index || (reported?.op === agreed.op && reported.value === agreed.value),
  );
  if (!isKnown) broadcast(core, { type: 'digest', epoch: state.epoch, view: state.view, ...agreed });
}

export function onDigest(core: Core, from: NodeId, { op, value }: DigestMessage): void {
  const { state, config } = core;
  if (state.status !== 'normal') return;
  if (leads(core)) {
    if (!state.started) return;
    state.digests[config.members.indexOf(from)] = { op, value };
    compare(core);
  } else if (from === primary(core)) {
    state.agreedDigest = { op, value };
    stopIfDiverged(core);
  }
}

/** Primary: counts who reported what of its own last digest. */
function compare(core: Core): void {
  const { state, config, index } = core;
  const { digest } = state;
  if (digest === null || state.agreedDigest?.op === digest.op) return;
  const reports = state.digests.map((reported, member) => (member === index ? digest : reported));
  const counts = new Map<string, number>();
  let present = 0;
  for (const reported of reports) {
    if (reported?.op !== digest.op) continue;
    present++;
    counts.set(reported.value, (counts.get(reported.value) ?? 0) + 1);
  }
  const n = config.members.length;
  for (const [value, count] of counts) {
    if (2 * count <= n) continue;
    state.agreedDigest = { op: digest.op, value };
    state.diverged = 'no';
    stopIfDiverged(core);
    if (state.diverged === 'no')
      broadcast(core, { type: 'digest', epoch: state.epoch, view: state.view, op: digest.op, value });
    return;
  }
  if (present === n) state.diverged = 'group';
}

function stopIfDiverged(core: Core): void {
  const { state } = core;
  const { digest, agreedDigest: agreed } = state;
  if (digest === null || agreed === null || digest.op !== agreed.op || digest.value === agreed.value) return;
  state.diverged = 'self';
  state.failed = true;
}
