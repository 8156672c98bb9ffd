import { renderTable } from '../output/table.ts';
import type { ClusterView, GroupView, ReplicaView } from './cluster-view.ts';

/** Text for what is not known. */
const NONE = '-';

/** The cluster for people: a table of nodes, a table of groups, and what needs attention. */
export function renderCluster(view: ClusterView, width: number): string {
  const lines = [renderNodes(view, width), '', renderGroups(view.groups, width)];
  const waiting = view.groups.flatMap((group) =>
    group.waits === null ? [] : [reasonOf(group, group.waits)],
  );
  return (waiting.length === 0 ? lines : [...lines, '', ...waiting]).join('\n');
}

/** Why a group has no primary, and what to do about it. */
function reasonOf({ group, name }: GroupView, waits: NonNullable<GroupView['waits']>): string {
  const text = {
    coldStart: `too many replicas lost what they acknowledged: vireo cluster cold-start --group ${group}`,
    members: 'too few of its members answer',
    viewChange: 'it is choosing a primary',
  }[waits];
  return `group ${group} (${name}) waits: ${text}`;
}

function renderNodes({ nodes }: ClusterView, width: number): string {
  return renderTable(
    [
      { title: 'NODE', align: 'right' },
      { title: 'ADDRESS' },
      { title: 'HOST' },
      { title: 'STATE' },
      { title: 'REPLICAS', align: 'right' },
      { title: 'PRIMARIES', align: 'right' },
    ],
    nodes.map((node) => [
      node.id,
      node.address,
      node.host,
      node.up ? 'up' : `down (${node.problem})`,
      node.up ? node.replicas : NONE,
      node.primaries,
    ]),
    width,
  );
}

function renderGroups(groups: readonly GroupView[], width: number): string {
  return renderTable(
    [
      { title: 'GROUP', align: 'right' },
      { title: 'NAME' },
      { title: 'MEMBERS' },
      { title: 'VIEW', align: 'right' },
      { title: 'PRIMARY', align: 'right' },
      { title: 'OP', align: 'right' },
      { title: 'COMMIT', align: 'right' },
      { title: 'LAG' },
    ],
    groups.map((group) => [
      group.group,
      group.name,
      group.members.join(' '),
      group.view ?? NONE,
      group.primary === null ? 'none' : group.primary,
      group.op ?? NONE,
      group.commit ?? NONE,
      group.replicas.map(lagOf).join(' '),
    ]),
    width,
  );
}

/** `2:0`: the replica of node 2 is 0 ops behind. */
function lagOf({ node, present, lag }: ReplicaView): string {
  return `${node}:${present ? lag : 'down'}`;
}
