import { type Core, isLeading, leads } from './core.ts';
import { headOp } from './log.ts';
import { type NodeId, primaryOf } from './quorums.ts';
import { joinView } from './view-change.ts';

/**
 * A planned change of the primary, as *leadership transfer* in Ongaro, *Consensus: Bridging Theory and Practice*, section 3.10,
 * but as an ordinary view change: the primary takes nothing on any more, waits until its log is committed and the
 * successor holds all of it, and promises the next view that the successor leads. Its vote goes to every member, which
 * join that view as for any vote of a higher one. Nothing rests on it: whoever may promise a view may promise this one, and
 * if the successor dies at that moment the view is changed again.
 */

/** Members that could take over now, the best first: their acks are at most a pipeline behind. Empty: not a primary. */
export function successors(core: Core): NodeId[] {
  const { state, config, index } = core;
  if (!isLeading(core)) return [];
  const { members, pipeline } = config;
  const acked = (node: NodeId) => state.acked[members.indexOf(node)] as number;
  return members
    .map((_, distance) => members[(index + distance) % members.length] as NodeId)
    .slice(1)
    .filter((node) => headOp(state) - acked(node) <= pipeline)
    .sort((a, b) => acked(b) - acked(a));
}

/** Begins to hand over; without effect when `to` could not take over now, or this replica wants to go already. */
export function onHandOver(core: Core, to: NodeId): void {
  const { state } = core;
  if (state.failed || state.halted || state.abdicating !== 'no') return;
  if (!successors(core).includes(to)) return;
  state.abdicating = 'handingOver';
  state.handOverTo = to;
  state.handOverTick = state.tick;
}

/** End of a turn: whether the successor has everything. */
export function settleHandOver(core: Core): void {
  const { state, config } = core;
  const { handOverTo } = state;
  if (handOverTo === null || state.failed || state.halted) return;
  if (state.status !== 'normal' || !leads(core)) return;
  const head = headOp(state);
  const acked = state.acked[config.members.indexOf(handOverTo)] as number;
  if (state.commitMax < head || acked < head) return;
  const view = nextViewOf(core, handOverTo);
  joinView(core, view);
  state.handOverView = view;
}

/** A successor that does not come along in the time of a view change is given up: the primary goes on. */
export function tickHandOver(core: Core): void {
  const { state, config } = core;
  if (state.handOverTo === null || state.tick - state.handOverTick < config.timeouts.viewChange) return;
  state.handOverTo = null;
  if (state.abdicating === 'handingOver') state.abdicating = 'no';
}

/** The next view that the node leads. */
function nextViewOf({ state, config }: Core, node: NodeId): number {
  let view = state.view + 1;
  while (primaryOf(config.members, view) !== node) view++;
  return view;
}
