import { ZERO_CHECKSUM } from '@vireo/protocol';
import { N } from './bounds.ts';
import type { Driver } from './driver.ts';
import type { LocalState } from './local-state.ts';

/** Where a search begins. */
export interface Beginning {
  readonly nodes: readonly number[];
  readonly messages: readonly number[];
  /** Head of the log, committed and checkpointed everywhere. */
  readonly base: number;
}

/**
 * A group that has just been created and has committed the noop of view 0, with a checkpoint there. Made by the
 * replicas themselves: everything is written and delivered until nothing moves.
 */
export function begin(driver: Driver): Beginning {
  const { table } = driver;
  const nothing = table.durableOf(
    [],
    { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0, mode: table.mode, lossEpoch: 0 },
    0,
  );
  if (nothing === null) throw new Error('an empty journal can be read');
  const sent = new Set<number>();
  const nodes: LocalState[] = [];
  const note = (node: number, step: ReturnType<Driver['start']>): boolean => {
    if (step.problem !== null) throw new Error(step.problem);
    for (const id of step.sent) sent.add(id);
    const isNew = nodes[node]?.id !== step.to;
    nodes[node] = table.get(step.to);
    return isNew;
  };
  for (let node = 0; node < N; node++) note(node, driver.start(node, nothing));
  for (let moves = true; moves; ) {
    moves = false;
    for (let node = 0; node < N; node++) {
      const at = () => nodes[node] as LocalState;
      while (at().pending.length > 0) moves = note(node, driver.flush(at())) || moves;
      for (const id of [...sent]) {
        const { from, to } = table.messages.get(id);
        if (from === node || (to !== null && to !== node)) continue;
        if (note(node, driver.deliver(at(), id))) moves = true;
      }
    }
  }
  return atCheckpoint(driver, nodes, [...sent]);
}

function atCheckpoint({ table }: Driver, nodes: readonly LocalState[], sent: readonly number[]): Beginning {
  const bases = nodes.map((local) => local.facts.applied);
  const base = bases[0] as number;
  if (table.prepares.opOf(base) !== 1 || bases.some((each) => each !== base))
    throw new Error('a new group commits its first noop');
  const checkpointed = nodes.map(({ node, state, durable: { recovery } }) => {
    const { record } = recovery;
    if (record === null) throw new Error('a new group has a promise');
    const { committedChecksum: checksum, committedTimestamp: timestamp } = state;
    const checkpoint = { op: 1, checksum, timestamp, mode: table.mode, lossEpoch: 0 };
    const durable = table.durableOf([{ type: 'state', record }], checkpoint, 1);
    if (durable === null) throw new Error('a checkpoint can be read');
    return table.intern(node, { ...state, checkpointOp: checkpoint.op }, durable, []);
  });
  // What may come late: the log of view 0 as it was at its start.
  const late = sent.filter((id) => table.messages.get(id).message.type === 'startView');
  return { nodes: checkpointed, messages: late, base };
}
