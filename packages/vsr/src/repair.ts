import type { Prepare } from '@vireo/protocol';
import { applyCommitted } from './commit.ts';
import { type Core, leads, peerInTurn, primary, REPAIR_BYTES_MAX } from './core.ts';
import {
  appendEntry,
  appendLimit,
  checksumAt,
  entryAt,
  firstMissingBody,
  headChecksum,
  headOp,
  truncateAbove,
} from './log.ts';
import type { GetPrepare, Repair, Suffix } from './message.ts';
import { fillBody } from './normal.ts';
import { PIPELINE_MAX } from './pipeline.ts';
import type { NodeId } from './quorums.ts';
import { installPending } from './start-view.ts';
import { completeFormation, hearOfView } from './view-change.ts';
import { isBehindOnWrites } from './writes.ts';

/**
 * Repair: fetching ops that others hold. It works in every status and view, because what comes in is believed by
 * its checksum, or because a member states that it is committed, never because of who sent it when.
 */

/** How far beyond the head a prepare is kept until the ones before it arrive. */
const STAGING_OPS_MAX = 2 * PIPELINE_MAX;

/** Keeps a prepare that is beyond the head; drops it if it is too far, it will be asked for when its turn comes. */
export function stage(core: Core, prepare: Prepare, trusted: boolean): void {
  const { state, config } = core;
  const { op } = prepare.header;
  // It is sent again while it is not committed, and asked for afterwards.
  if (isBehindOnWrites(core)) return;
  if (op <= headOp(state) || op > headOp(state) + STAGING_OPS_MAX) return;
  const known = state.staging.get(op);
  if (known !== undefined) {
    if (known.trusted || !trusted) return;
    state.stagingBytes -= known.prepare.bytes.length;
  }
  if (op > headOp(state) + 1 && state.stagingBytes > 2 * config.pipelineBytes) return;
  state.stagingBytes += prepare.bytes.length;
  state.staging.set(op, { prepare, trusted });
}

/**
 * Moves to the log what follows the head: up to the last trusted prepare that an unbroken chain leads to. One
 * that nobody vouches for stays: it may be of an older view.
 */
export function drainStaging(core: Core): void {
  const { state } = core;
  if (state.staging.size === 0) return;
  let parent = headChecksum(state);
  let op = headOp(state) + 1;
  let trustedTo = 0;
  for (let staged = state.staging.get(op); staged !== undefined; staged = state.staging.get(op)) {
    if (staged.prepare.header.parent !== parent) {
      // Of two that do not fit, the one that nobody vouches for goes; of two that the primary sent, the later one: no
      // primary in its right mind sends such a pair.
      const isAlone = staged.trusted && trustedTo < op - 1;
      if (isAlone && op > headOp(state) + 1) unstage(core, op - 1);
      else unstage(core, op);
      break;
    }
    if (staged.trusted) trustedTo = op;
    parent = staged.prepare.header.checksum;
    op++;
  }
  const limit = Math.min(trustedTo, appendLimit(state));
  for (let next = headOp(state) + 1; next <= limit; next++) {
    const { prepare } = unstage(core, next) as { prepare: Prepare };
    appendEntry(state, prepare.header, prepare, false);
    state.unwritten.push(prepare);
  }
  for (const staged of [...state.staging.keys()]) if (staged <= headOp(state)) unstage(core, staged);
}

function unstage(core: Core, op: number): { prepare: Prepare } | null {
  const staged = core.state.staging.get(op);
  if (staged === undefined) return null;
  core.state.staging.delete(op);
  core.state.stagingBytes -= staged.prepare.bytes.length;
  return staged;
}

/**
 * Whether this log reaches and contains the anchor of a suffix, with every body up to it, so that the suffix may be
 * put on top of it.
 */
export function reachesAnchor(core: Core, suffix: Suffix): boolean {
  const { state } = core;
  if (suffix.anchorOp >= state.commitMin) {
    const missing = firstMissingBody(state);
    if (missing !== null && missing <= suffix.anchorOp) return false;
    return checksumAt(state, suffix.anchorOp) === suffix.anchorChecksum;
  }
  // The anchor lies below what is applied here: then the suffix must contain our last applied op.
  return suffix.headers[state.commitMin - suffix.anchorOp - 1]?.checksum === state.committedChecksum;
}

/** Asks for what is missing most urgently, unless a request is under way. */
export function requestMissing(core: Core): void {
  const { state } = core;
  if (state.fetch !== null || state.failed || state.transferring || isBehindOnWrites(core)) return;
  const range = missingRange(core);
  if (range === null) return;
  const to = askWhom(core);
  if (to === null) return;
  state.fetch = { ...range, to, sentTick: state.tick };
  core.out.send(to, { type: 'getPrepare', ...range });
}

function missingRange(core: Core): { first: number; last: number } | null {
  const { state } = core;
  const wanted = state.formation ?? state.pendingStartView;
  if (wanted !== null && !reachesAnchor(core, wanted)) {
    const head = headOp(state);
    // Applied beyond an anchor that does not fit: that view is history already, nothing can be fetched for it.
    if (wanted.anchorOp <= state.commitMin) return null;
    // A missing body first: nothing is taken above it. A head at or beyond the anchor that does not contain it: some
    // entry above commitMin is of an older view.
    const hole = firstMissingBody(state) ?? wanted.anchorOp + 1;
    const first = head < wanted.anchorOp ? head + 1 : state.commitMin + 1;
    return { first: hole <= wanted.anchorOp ? Math.min(first, hole) : first, last: wanted.anchorOp };
  }
  if (state.formation !== null) {
    const at = state.formation.bodies.findIndex(
      (body, i) => body === null && state.formation!.anchorOp + 1 + i > state.commitMin,
    );
    if (at >= 0) {
      const first = state.formation.anchorOp + 1 + at;
      return { first, last: state.formation.anchorOp + state.formation.bodies.length };
    }
  }
  const missing = firstMissingBody(state);
  if (missing !== null) return { first: missing, last: headOp(state) };
  if (state.commitMax > headOp(state)) return { first: headOp(state) + 1, last: state.commitMax };
  if (state.status === 'normal' && state.staging.size > 0) {
    const lowest = Math.min(...state.staging.keys());
    if (lowest > headOp(state) + 1) return { first: headOp(state) + 1, last: lowest - 1 };
  }
  return null;
}

/** The primary of the view has it, if anyone; after a silence or an empty answer the others, by turns. */
function askWhom(core: Core): NodeId | null {
  const { state, config } = core;
  const first = primary(core);
  if (state.fetchAttempt === 0 && first !== config.self) return first;
  return peerInTurn(core, state.fetchAttempt);
}

/** Answers with what is held. "I don't have it" says nothing about the op: it is never a nack. */
export function onGetPrepare(core: Core, from: NodeId, message: GetPrepare): void {
  const { state, out } = core;
  const { first, last } = message;
  if (first <= state.commitMin) {
    // One read at a time for each peer, or a peer that asks again and again would fill the disk's queue.
    for (const load of state.loads.values()) if (load.to === from) return;
    const token = state.nextToken++;
    state.loads.set(token, { to: from, first });
    out.load(token, first, Math.min(last, state.commitMin), REPAIR_BYTES_MAX);
    return;
  }
  const prepares: Prepare[] = [];
  let bytes = 0;
  for (let op = first; op <= last && bytes < REPAIR_BYTES_MAX; op++) {
    const prepare = entryAt(state, op)?.prepare ?? null;
    if (prepare === null) break;
    prepares.push(prepare);
    bytes += prepare.bytes.length;
  }
  out.send(from, { type: 'repair', first, committed: committedHere(core), prepares });
}

export function onLoaded(core: Core, token: number, prepares: readonly Prepare[]): void {
  const load = core.state.loads.get(token);
  if (load === undefined) return;
  core.state.loads.delete(token);
  core.out.send(load.to, { type: 'repair', first: load.first, committed: committedHere(core), prepares });
}

function committedHere(core: Core): number {
  return Math.min(core.state.commitMax, headOp(core.state));
}

/** Takes what fits, then asks for the next piece at once. */
export function onRepair(core: Core, from: NodeId, message: Repair): void {
  const { state } = core;
  // Asked for before: what the transfer brings contains it.
  if (state.transferring) return;
  const answersOurs = state.fetch !== null && state.fetch.to === from && state.fetch.first === message.first;
  let taken = false;
  for (const prepare of message.prepares) taken = takeRepaired(core, prepare, message.committed) || taken;
  const head = headOp(state);
  drainStaging(core);
  taken = taken || headOp(state) > head;
  applyCommitted(core);
  if (taken) {
    state.progressTick = state.tick;
    // A log that is being completed is no reason to give the view up.
    if (state.formation !== null || state.pendingStartView !== null) state.viewChangeTick = state.tick;
  }
  if (answersOurs) {
    state.fetch = null;
    state.fetchAttempt = taken ? 0 : state.fetchAttempt + 1;
  }
  completeFormation(core);
  installPending(core);
  // An answer that brought nothing: the next member is asked after a while, not in a tight circle.
  if (taken || state.fetchAttempt < core.config.members.length) requestMissing(core);
}

function takeRepaired(core: Core, prepare: Prepare, committed: number): boolean {
  const { state } = core;
  const { op, checksum } = prepare.header;
  if (op <= state.commitMin || prepare.header.group !== core.config.group) return false;
  // What this replica agreed to start another epoch with is its log as it is: only what that epoch asks for is added.
  if (state.grant !== null && op > (state.pendingStartView?.anchorOp ?? 0)) return false;
  if (state.status === 'normal' && prepare.header.view > state.view) {
    // A later view has gone on without us. Taking its ops now would answer our clients with other people's ops.
    hearOfView(core, prepare.header.view);
    return false;
  }
  let taken = fillFormation(core, prepare);
  taken = fillBody(core, prepare) || taken;
  if (op > committed) {
    if (state.status === 'normal') stage(core, prepare, false);
    return taken;
  }
  // Committed, so its place in the chain is the same on every replica. Above a missing body nothing is taken: it
  // could not be applied at once, and a StartView could cut it and leave the commit number that came with it.
  const missing = firstMissingBody(state);
  if (missing !== null && missing < op) return taken;
  if (isBehindOnWrites(core)) return taken;
  const own = checksumAt(state, op);
  if (own !== checksum) {
    if (!follows(core, prepare)) return taken;
    appendEntry(state, prepare.header, prepare, false);
    state.unwritten.push(prepare);
  } else if (op <= state.commitMax) {
    return taken;
  }
  state.commitMax = Math.max(state.commitMax, op);
  applyCommitted(core);
  return true;
}

/**
 * Whether a committed op follows our head, after cutting what is proved stale by it: whatever else stands in its
 * place, or before it, is a leftover of an older view that no quorum held. The rest may be the copy that an ack of
 * ours promised.
 *
 * Not in normal: our log is the view's log, so the op was committed by a later view. Its primary has clients who
 * wait for what stands in that place here.
 */
function follows(core: Core, { header }: Prepare): boolean {
  const { state } = core;
  if (state.status === 'normal')
    return !leads(core) && header.op === headOp(state) + 1 && header.parent === headChecksum(state);
  if (header.op <= headOp(state)) truncateAbove(state, header.op - 1);
  if (header.op !== headOp(state) + 1) return false;
  if (header.parent === headChecksum(state)) return true;
  if (headOp(state) > state.commitMin) truncateAbove(state, headOp(state) - 1);
  return false;
}

function fillFormation(core: Core, prepare: Prepare): boolean {
  const { formation } = core.state;
  if (formation === null) return false;
  const at = prepare.header.op - formation.anchorOp - 1;
  if (at < 0 || formation.headers[at]?.checksum !== prepare.header.checksum || formation.bodies[at] !== null)
    return false;
  formation.bodies[at] = prepare;
  return true;
}
