import type { ClusterDescription, Durability, GroupState, NodeDescription } from '@vireo/protocol';

/** What one node said of its replicas, or why it said nothing. */
export interface NodeReport {
  readonly node: NodeDescription;
  readonly groups: readonly GroupState[] | null;
  /** Code of the error when `groups` is null. */
  readonly problem: string | null;
}

/** One replica of a group as its node reports it. */
export interface ReplicaView {
  readonly node: number;
  /** False when the node did not answer, or has not made the replica yet. */
  readonly present: boolean;
  readonly role: 'primary' | 'backup' | null;
  readonly status: string | null;
  readonly view: number | null;
  readonly op: number | null;
  readonly commit: number | null;
  /** Committed ops that it has not applied yet, as far as anybody knows of them. */
  readonly lag: number | null;
}

/** One replication group. */
export interface GroupView {
  readonly group: number;
  /** `metadata`, or `stream/topic/partition`. */
  readonly name: string;
  readonly members: readonly number[];
  /** The highest one that a member reports; null when none answers. */
  readonly view: number | null;
  /** The node that is the primary of that view and can serve; null while there is none. */
  readonly primary: number | null;
  readonly op: number | null;
  readonly commit: number | null;
  /** What an ack means, as far as the newest replica knows. */
  readonly mode: Durability | null;
  /** How often its log was cut by a cold start. */
  readonly lossEpoch: number | null;
  /**
   * Why it has no primary: `coldStart`, too many members have lost what they acknowledged, and only a decision of the
   * operator leads on; `members`, too few answer; `viewChange`, it is about to have one. Null: it has one.
   */
  readonly waits: 'coldStart' | 'members' | 'viewChange' | null;
  readonly replicas: readonly ReplicaView[];
}

/** One node. */
interface NodeView {
  readonly id: number;
  readonly address: string;
  readonly host: string;
  readonly up: boolean;
  /** Code of the error when it is not up. */
  readonly problem: string | null;
  readonly replicas: number;
  readonly primaries: number;
}

/** The whole cluster, as `cluster describe --json` prints it. */
export interface ClusterView {
  readonly nodes: readonly NodeView[];
  readonly groups: readonly GroupView[];
}

/** Status of a replica that can not know what it acknowledged. */
const RECOVERING: ReadonlySet<string> = new Set(['amnesiac', 'recoveringHead']);

/** Id of the metadata group. */
const METADATA_GROUP = 0;

interface Named {
  readonly group: number;
  readonly name: string;
  readonly members: readonly number[];
}

/** Puts together what the metadata says and what each node says of itself. */
export function viewCluster(description: ClusterDescription, reports: readonly NodeReport[]): ClusterView {
  const groups = nameGroups(description, reports).map((named) => viewGroup(named, reports));
  const nodes = reports.map(({ node, groups: states, problem }) => ({
    id: node.id,
    address: node.address,
    host: node.host,
    up: states !== null,
    problem,
    replicas: states?.length ?? 0,
    primaries: groups.filter(({ primary }) => primary === node.id).length,
  }));
  return { nodes, groups };
}

/** The primary of `view`: the rule that nodes and clients compute it by. */
export function primaryOf(members: readonly number[], view: number): number {
  const primary = members[view % members.length];
  if (primary === undefined) throw new RangeError('a group has at least one member');
  return primary;
}

function nameGroups({ streams }: ClusterDescription, reports: readonly NodeReport[]): Named[] {
  const named: Named[] = [];
  for (const stream of streams) {
    for (const topic of stream.topics) {
      for (const { group, partition, members } of topic.groups) {
        named.push({ group, name: `${stream.name}/${topic.name}/${partition}`, members });
      }
    }
  }
  // The metadata group is not in the metadata: its members say that they are.
  for (const { groups } of reports) {
    const state = groups?.find(({ group }) => group === METADATA_GROUP);
    if (state === undefined) continue;
    named.unshift({ group: METADATA_GROUP, name: 'metadata', members: state.members });
    break;
  }
  return named;
}

function viewGroup({ group, name, members }: Named, reports: readonly NodeReport[]): GroupView {
  const states = new Map<number, GroupState>();
  for (const { node, groups } of reports) {
    const state = groups?.find((each) => each.group === group);
    if (state !== undefined && members.includes(node.id)) states.set(node.id, state);
  }
  const newest = [...states.values()].reduce<GroupState | null>(
    (best, state) => (best === null || isNewer(state, best) ? state : best),
    null,
  );
  const commits = [...states.values()].map(({ commitMax }) => commitMax);
  const commit = commits.length === 0 ? null : Math.max(...commits);
  const serving = [...states].find(
    ([, state]) =>
      state.role === 'primary' && state.status === 'normal' && newest !== null && !isNewer(newest, state),
  );
  return {
    group,
    name,
    members,
    view: newest?.view ?? null,
    primary: serving?.[0] ?? null,
    op: serving?.[1].op ?? newest?.op ?? null,
    commit,
    mode: newest?.mode ?? null,
    lossEpoch: newest?.lossEpoch ?? null,
    waits: serving === undefined ? reasonToWait(members, [...states.values()]) : null,
    replicas: members.map((node) => viewReplica(node, states.get(node), commit)),
  };
}

/** What keeps a group without a primary, from what those say that answer. */
function reasonToWait(
  members: readonly number[],
  states: readonly GroupState[],
): NonNullable<GroupView['waits']> {
  const quorum = Math.floor(members.length / 2) + 1;
  if (states.length < quorum) return 'members';
  const recovering = states.filter(({ status }) => RECOVERING.has(status)).length;
  if (states.length - recovering >= quorum) return 'viewChange';
  // Those that do not answer may remember, and then nothing is lost: they are waited for first.
  return members.length - recovering >= quorum ? 'members' : 'coldStart';
}

/** Whether `a` is of a later epoch or view than `b`. */
function isNewer(a: GroupState, b: GroupState): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.view > b.view);
}

function viewReplica(node: number, state: GroupState | undefined, commit: number | null): ReplicaView {
  if (state === undefined) {
    return { node, present: false, role: null, status: null, view: null, op: null, commit: null, lag: null };
  }
  const { role, status, view, op, commitMin } = state;
  const lag = Math.max(0, (commit ?? commitMin) - commitMin);
  return { node, present: true, role, status, view, op, commit: commitMin, lag };
}
