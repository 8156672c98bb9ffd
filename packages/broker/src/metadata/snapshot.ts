import { decodePayload, encodePayload, type PayloadLimits, VireoError } from '@vireo/protocol';
import {
  addGroup,
  emptyState,
  type GroupEntry,
  type MetadataState,
  type NodeEntry,
  type TopicEntry,
  topicKey,
} from './state.ts';

/** Version of the snapshot's layout. */
const FORMAT = 2;

/** Far above what the limits of streams, partitions and sessions allow: this node wrote the bytes itself. */
const snapshotLimits: PayloadLimits = { bytesMax: 2 ** 30, valuesMax: 2 ** 26 };

interface Snapshot {
  readonly format: number;
  readonly counters: readonly number[];
  readonly nodes: readonly NodeEntry[];
  readonly streams: readonly { readonly id: number; readonly name: string }[];
  readonly topics: readonly TopicEntry[];
  readonly groups: readonly GroupEntry[];
  readonly sessions: readonly (readonly [id: number, nonce: string, registeredAt: number])[];
}

/**
 * The state as MessagePack. The same state gives the same bytes on every node: lists are in order of ids, and
 * every map is written by the same literal, so with its keys in the same order.
 */
export function encodeSnapshot(state: MetadataState): Buffer {
  const snapshot: Snapshot = {
    format: FORMAT,
    counters: countersOf(state),
    nodes: byId(state.nodes).map(({ id, address, host, incarnation }) => ({
      id,
      address,
      host,
      incarnation,
    })),
    streams: byId(state.streams).map(({ id, name }) => ({ id, name })),
    topics: byId(state.topics).map((topic) => ({
      id: topic.id,
      streamId: topic.streamId,
      name: topic.name,
      replication: topic.replication,
      durability: topic.durability,
      keyPartitions: topic.keyPartitions,
      segmentBytes: topic.segmentBytes,
      lanesMax: topic.lanesMax,
      version: topic.version,
      groups: topic.groups,
    })),
    groups: byId(state.groups).map((group) => ({
      group: group.group,
      topicId: group.topicId,
      partition: group.partition,
      members: group.members,
      mode: group.mode,
      segmentBytes: group.segmentBytes,
      lanesMax: group.lanesMax,
      stamp: group.stamp,
      epoch: group.epoch,
      view: group.view,
    })),
    sessions: byId(state.sessions).map(({ id, nonce, registeredAt }) => [id, nonce, registeredAt]),
  };
  return encodePayload(snapshot);
}

type Counters = Pick<MetadataState, (typeof COUNTERS)[number]>;
const COUNTERS = ['appliedOp', 'stampBase', 'nextStream', 'nextTopic', 'nextGroup', 'groupsFrom'] as const;

function countersOf(state: MetadataState): readonly number[] {
  return COUNTERS.map((name) => state[name]);
}

function byId<T>(map: ReadonlyMap<number, T>): T[] {
  return [...map].sort(([a], [b]) => a - b).map(([, value]) => value);
}

/**
 * Reads what `encodeSnapshot` wrote. The bytes carry a checksum of their store, so other content is a program's
 * fault or another version, not damage.
 *
 * @throws VireoError `unsupportedFormat` for a layout of another version, `corruptPayload` for anything else.
 */
export function decodeSnapshot(bytes: Buffer): MetadataState {
  const raw = decodePayload(bytes, snapshotLimits);
  if (!raw.ok) throw new VireoError('corruptPayload', `metadata snapshot: ${raw.error.message}`);
  const format = (raw.value as Partial<Snapshot> | null)?.format;
  if (format !== FORMAT) {
    throw new VireoError(
      'unsupportedFormat',
      `metadata snapshot of format ${format}, supported is ${FORMAT}`,
    );
  }
  const snapshot = raw.value as Snapshot;
  const { counters, nodes, streams, topics, groups, sessions } = snapshot;
  if (
    ![counters, nodes, streams, topics, groups, sessions].every(Array.isArray) ||
    counters.length !== COUNTERS.length
  ) {
    throw new VireoError('corruptPayload', 'metadata snapshot: a list is missing');
  }
  const state = emptyState();
  const read = Object.fromEntries(COUNTERS.map((name, i) => [name, counters[i] as number]));
  Object.assign(state, read as Counters);
  for (const node of nodes) state.nodes.set(node.id, node);
  for (const { id, name } of streams) {
    state.streams.set(id, { id, name, topics: new Set() });
    state.streamByName.set(name, id);
  }
  for (const topic of topics) {
    const stream = state.streams.get(topic.streamId);
    if (stream === undefined)
      throw new VireoError('corruptPayload', `metadata snapshot: topic ${topic.id} has no stream`);
    stream.topics.add(topic.id);
    state.topics.set(topic.id, topic);
    state.topicByName.set(topicKey(topic.streamId, topic.name), topic.id);
  }
  for (const group of groups) addGroup(state, group);
  for (const [id, nonce, registeredAt] of sessions) {
    state.sessions.set(id, { id, nonce, registeredAt });
    state.sessionByNonce.set(nonce, id);
  }
  return state;
}
