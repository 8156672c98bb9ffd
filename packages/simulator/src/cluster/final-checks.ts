import type { CheckerName } from '../checkers/checker.ts';
import type { Ghost } from '../checkers/ghost.ts';
import type { Consumer } from '../clients/consumer.ts';
import { decodeRecords } from '../clients/records.ts';
import { partitionName } from '../clients/topic.ts';
import { type FinalLog, type History, type HistoryRule, verifyHistory } from '../history/index.ts';
import { firstWrongIndex } from './final-index.ts';
import { firstOtherState } from './final-state.ts';
import type { Observer } from './observer.ts';
import type { SimNode } from './sim-node.ts';

/** Which checker of the design each promise of the history belongs to. */
const checkerOfRule: Readonly<Record<HistoryRule, CheckerName>> = {
  'acked is kept': '2 acked is kept',
  'acked offset holds the record': '14 idempotent producers',
  'no duplicate': '14 idempotent producers',
  'order within a lane': '14 idempotent producers',
  'notApplied is in no log': '15 notApplied is in no log',
  'nothing foreign': '14 idempotent producers',
  'reads agree with the log': '13 committed reads',
  'reads are dense': '13 committed reads',
  'every request is answered': 'liveness',
  'one answer': '15 notApplied is in no log',
};

/** What keeps the healed cluster from being at rest, or null. */
export function firstUnrest(
  observer: Observer,
  nodes: readonly SimNode[],
  consumers: readonly Consumer[],
  partitions: number,
): string | null {
  const { overspent } = observer.ghost;
  for (const group of hostedGroups(observer, nodes)) {
    // It may have stopped for good; without metadata nobody opens any group.
    if (overspent.has(group) || overspent.has(0)) continue;
    const log = observer.ghost.log(group);
    let leaders = 0;
    for (const node of nodes) {
      if (observer.ghost.gone.has(node.id)) continue;
      const replica = observer.live(node.id, group);
      if (observer.ghost.replica(node.id, group).writes.size > 0)
        return `node ${node.id}, group ${group}: writes`;
      if (replica === undefined) return `node ${node.id} has no replica of group ${group}`;
      if (replica.leading) leaders += 1;
      const { commitMin, status, view } = replica.state;
      if (status !== 'normal')
        return `node ${node.id}, group ${group}: is in status ${status} of view ${view}`;
      if (commitMin !== log.length)
        return `node ${node.id}, group ${group}: executed ${commitMin} of ${log.length}`;
      if (replica.op !== commitMin)
        return `node ${node.id}, group ${group}: op ${replica.op} is not committed`;
    }
    if (leaders !== 1) return `group ${group} has ${leaders} primaries`;
  }
  const writer = nodes.find((node) => !node.disk.isIdle);
  if (writer !== undefined) return `node ${writer.id} writes`;
  for (let partition = 0; partition < partitions; partition += 1) {
    if (overspent.has(partition + 1) || overspent.has(0)) continue;
    const last = observer.ghost.log(partition + 1).at(-1)?.header;
    const end = last === undefined ? 0 : last.baseOffset + last.count;
    for (const [index, consumer] of consumers.entries()) {
      const position = consumer.positionOf(partition);
      if (position !== end)
        return `consumer ${index} has read ${position} of ${end} records of partition ${partition}`;
    }
  }
  return null;
}

/** Every group that any node that counts hosts, or should. */
function hostedGroups({ ghost }: Observer, nodes: readonly SimNode[]): number[] {
  const groups = new Set([0, ...ghost.created.keys()].filter((group) => !ghost.deleted.has(group)));
  for (const node of nodes) {
    if (ghost.gone.has(node.id)) continue;
    for (const { id } of node.broker?.groups() ?? []) groups.add(id);
  }
  return [...groups].sort((left, right) => left - right);
}

/** A node whose state is unreadable, or another one's, and that hosts replicas all the same. */
function firstComeback(ghost: Ghost, nodes: readonly SimNode[]): string | null {
  for (const node of nodes) {
    const lost = ghost.gone.get(node.id);
    if (lost === undefined) continue;
    // A partition is opened only when metadata is known that far: until then the node may host others.
    const back = node.broker?.groups().find(({ id }) => lost === null || id === lost);
    if (back !== undefined) return `node ${node.id} lost its state and hosts a replica of group ${back.id}`;
  }
  return null;
}

/** Compares what clients saw with the committed logs. */
function checkHistory(
  history: History,
  ghost: Ghost,
  partitions: number,
): { checker: CheckerName; message: string } | null {
  const logs = new Map<string, FinalLog>();
  // What clients were told before a loss that was said is worth nothing any more.
  if (ghost.lossSaid.size > 0) return null;
  for (let partition = 0; partition < partitions; partition += 1) {
    const ids = ghost.log(partition + 1).flatMap(({ prepare }) => decodeRecords(prepare).map(({ id }) => id));
    logs.set(partitionName(partition), { start: 0, ids });
  }
  const problem = verifyHistory(history, logs, ghost.overspent.size === 0)[0];
  return problem === undefined
    ? null
    : { checker: checkerOfRule[problem.rule], message: `${problem.rule}: ${problem.text}` };
}

/**
 * Compares the segments of all nodes with the committed logs, byte by byte, up to each group's last checkpoint:
 * what lies behind that is written lazily, and may be torn by a crash until it is. Null when they agree.
 */
function firstDifference(ghost: Ghost, nodes: readonly SimNode[]): string | null {
  for (const node of nodes) {
    if (ghost.gone.has(node.id)) continue;
    const files = node.disk.contents().filter(({ path }) => path.endsWith('.segment'));
    for (const { id, checkpointOp } of node.broker?.groups() ?? []) {
      if (ghost.lossSaid.has(id) || ghost.lossSaid.has(0)) continue;
      const expected = ghost.log(id).slice(0, checkpointOp);
      const segments = files.filter(({ path }) => path.startsWith(`groups/${id}/`));
      let op = 1;
      for (const { path, bytes } of segments) {
        const base = expected[op - 1]?.prepare.bytes;
        let position = base === undefined ? bytes.length : bytes.indexOf(base.subarray(0, 128));
        if (position < 0) return `node ${node.id}: ${path} does not begin with op ${op}`;
        while (op <= expected.length && position < bytes.length) {
          const { prepare } = expected[op - 1]!;
          const end = position + prepare.bytes.length;
          // A batch that does not fit begins the next segment; what remains here is shorter than any prepare.
          if (end > bytes.length && segments.at(-1)?.path !== path) break;
          if (prepare.bytes.compare(bytes, position, Math.min(end, bytes.length)) !== 0) {
            return `node ${node.id}: ${path} differs from the committed log at op ${op}`;
          }
          position = end;
          op += 1;
        }
      }
      if (op <= expected.length) {
        return `node ${node.id}, group ${id}: segments end before op ${op}, the checkpoint is at ${checkpointOp}`;
      }
    }
  }
  return null;
}

/** Compares, at rest, what clients saw and what lies on the disks with the committed logs. */
export function firstProblem(
  ghost: Ghost,
  nodes: readonly SimNode[],
  history: History,
  partitions: number,
): { readonly checker: CheckerName; readonly message: string } | null {
  const comeback = firstComeback(ghost, nodes);
  if (comeback !== null) return { checker: '7 no vote while recovering', message: comeback };
  const difference = firstDifference(ghost, nodes);
  if (difference !== null) return { checker: '1 canonical chain', message: difference };
  const other = firstOtherState(ghost, nodes);
  if (other !== null) return { checker: '11 equal states', message: other };
  const problem = checkHistory(history, ghost, partitions);
  if (problem !== null) return problem;
  const wrongIndex = firstWrongIndex(ghost, nodes);
  return wrongIndex === null ? null : { checker: '11 segments and indexes', message: wrongIndex };
}
