import type { CheckerName } from '../checkers/checker.ts';
import type { Ghost } from '../checkers/ghost.ts';
import type { Consumer } from '../clients/consumer.ts';
import { decodeRecords } from '../clients/records.ts';
import { partitionName } from '../clients/topic.ts';
import { type FinalLog, type History, type HistoryRule, verifyHistory } from '../history/index.ts';
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
  for (let group = 0; group <= partitions; group += 1) {
    const log = observer.ghost.log(group);
    let leaders = 0;
    for (const node of nodes) {
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
  for (let partition = 0; partition < partitions; partition += 1) {
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

/** Compares what clients saw with the committed logs. */
export function checkHistory(
  history: History,
  ghost: Ghost,
  partitions: number,
): { checker: CheckerName; message: string } | null {
  const logs = new Map<string, FinalLog>();
  for (let partition = 0; partition < partitions; partition += 1) {
    const ids = ghost.log(partition + 1).flatMap(({ prepare }) => decodeRecords(prepare).map(({ id }) => id));
    logs.set(partitionName(partition), { start: 0, ids });
  }
  const problem = verifyHistory(history, logs, true)[0];
  return problem === undefined
    ? null
    : { checker: checkerOfRule[problem.rule], message: `${problem.rule}: ${problem.text}` };
}

/**
 * Compares the segments of all nodes, byte by byte as far as each has got: they hold committed ops only, so one
 * is a prefix of the other. Null when they agree.
 */
export function firstDifference(ghost: Ghost, nodes: readonly SimNode[]): string | null {
  const byPath = new Map<string, { node: number; bytes: Buffer }>();
  for (const node of nodes) {
    for (const { path, bytes } of node.disk.contents()) {
      if (!path.endsWith('.segment')) continue;
      const group = Number(path.split('/')[1]);
      const expected = ghost.log(group);
      // Whatever else a segment file holds, its ops are those that were committed, in order, from its name on.
      const base = Number(path.split('/')[2]?.replace('.segment', ''));
      const at = bytes.indexOf(expected[base - 1]?.prepare.bytes.subarray(0, 128) ?? Buffer.alloc(0));
      if (at < 0) return `node ${node.id}: ${path} does not begin with op ${base}`;
      const known = byPath.get(path);
      if (known === undefined) {
        byPath.set(path, { node: node.id, bytes });
        continue;
      }
      const common = Math.min(known.bytes.length, bytes.length);
      if (known.bytes.compare(bytes, 0, common, 0, common) !== 0) {
        return `nodes ${known.node} and ${node.id} differ in ${path}`;
      }
    }
  }
  return null;
}
