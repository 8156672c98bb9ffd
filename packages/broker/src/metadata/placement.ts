import type { Refusal } from './reply.ts';
import { refusal } from './reply.ts';

/** What placement needs of a node: nodes with the same `host` label fail together. */
export interface PlacementNode {
  readonly id: number;
  readonly host: string;
}

/** Ordered members (node ids) of each new partition; `members[view mod n]` is the primary of a view. */
export type Placement = { readonly ok: true; readonly members: readonly (readonly number[])[] } | Refusal;

/**
 * Chooses the ordered members of `partitions` new groups with ids from `firstGroup` on.
 *
 * Group ids are handed out one after another over all topics, so "group id mod nodes" spreads the primaries of
 * the whole cluster evenly, whatever the sizes of the topics. The successors of the groups that one node leads
 * walk over all the others in turn: when it dies its load is shared by all, not doubled on one neighbour.
 * Two replicas are never on one host.
 *
 * Pure: the primary of the metadata group calls it before it proposes, and the result travels in the op.
 *
 * @returns refusal `tooManyReplicas` when there are fewer nodes, or fewer different hosts, than replicas.
 */
export function placePartitions(
  nodes: readonly PlacementNode[],
  replication: number,
  partitions: number,
  firstGroup: number,
): Placement {
  const hosts = new Set(nodes.map((node) => node.host)).size;
  if (replication > nodes.length) {
    return refusal(
      'tooManyReplicas',
      `${replication} replicas need as many nodes; there are ${nodes.length}`,
    );
  }
  if (replication > hosts) {
    return refusal(
      'tooManyReplicas',
      `${replication} replicas need as many hosts; the ${nodes.length} nodes have only ${hosts} different host labels`,
    );
  }
  const ring = [...nodes].sort((a, b) => a.id - b.id);
  const members: number[][] = [];
  for (let group = firstGroup; group < firstGroup + partitions; group++) {
    members.push(placeGroup(ring, replication, group));
  }
  return { ok: true, members };
}

/**
 * One group. `turn` counts the groups that the same node leads; its digits, to the base of the number of
 * candidates at each place, choose the successors: so the first successor takes every candidate once before it
 * repeats one, and for the same first successor the second one changes as well.
 */
function placeGroup(ring: readonly PlacementNode[], replication: number, group: number): number[] {
  let position = group % ring.length;
  let turn = Math.floor(group / ring.length);
  const members = [ring[position]!.id];
  const hosts = new Set([ring[position]!.host]);
  while (members.length < replication) {
    const candidates: number[] = [];
    for (let step = 1; step < ring.length; step++) {
      const candidate = (position + step) % ring.length;
      if (!hosts.has(ring[candidate]!.host)) candidates.push(candidate);
    }
    // Never empty: a host is used up by each member, and there are at least `replication` hosts.
    position = candidates[turn % candidates.length]!;
    turn = Math.floor(turn / candidates.length);
    members.push(ring[position]!.id);
    hosts.add(ring[position]!.host);
  }
  return members;
}
