import { type Durability, validateName } from '@vireo/protocol';
import { describeTopic, findStream } from './describe.ts';
import type { CreateTopicOp, MetadataOp } from './ops.ts';
import { type MetadataReply, refusal } from './reply.ts';
import {
  addGroup,
  type GroupEntry,
  type MetadataState,
  type NodeEntry,
  removeGroup,
  type TopicEntry,
  topicKey,
} from './state.ts';

/**
 * Told of partition groups exactly when their committed op is applied, on every node alike: the only cause for
 * which a node builds or gives up a replica.
 */
export interface GroupEvents {
  onGroupCreated(group: GroupEntry): void;
  /** From now on the id is a tombstone: a frame for it is answered "gone", its files may go. */
  onGroupDeleted(group: GroupEntry): void;
}

/** Where and when an op takes effect. */
interface Place {
  readonly stamp: number;
  /** Log time, µs since 1970. */
  readonly timestamp: number;
}

/** Judges an op and, if it is not refused, carries it out. Reads nothing but its arguments. */
export function applyOp(
  state: MetadataState,
  op: MetadataOp,
  place: Place,
  events: GroupEvents,
): MetadataReply {
  switch (op.op) {
    case 'found':
      return found(state, op.nodes, place);
    case 'registerNode':
      return registerNode(state, op.node, place);
    case 'register':
      return register(state, op.nonce, op.sessionsMax, place);
    case 'createStream':
      return createStream(state, op.name, op.streamsMax, place);
    case 'deleteStream':
      return deleteStream(state, op.streamId, op.cascade, place, events);
    case 'createTopic':
      return createTopic(state, op, place, events);
    case 'alterTopic':
      return alterTopic(state, op.topicId, op.durability, place);
    case 'deleteTopic':
      return deleteTopic(state, op.topicId, place, events);
  }
}

function found(state: MetadataState, nodes: readonly NodeEntry[], { stamp }: Place): MetadataReply {
  if (state.nodes.size > 0) {
    // Proposed again by a later primary that had not seen the first one commit.
    const same = nodes.every((node) => state.nodes.get(node.id)?.incarnation === node.incarnation);
    if (!same) return refusal('clusterMismatch', 'the cluster was founded with other nodes');
    return { ok: true, stamp, type: 'founded' };
  }
  for (const node of nodes) state.nodes.set(node.id, node);
  return { ok: true, stamp, type: 'founded' };
}

function registerNode(state: MetadataState, node: NodeEntry, { stamp }: Place): MetadataReply {
  const known = state.nodes.get(node.id);
  if (known !== undefined && known.incarnation !== node.incarnation) {
    // Another data directory under a known id is a wiped or a second node: it must not take over what the
    // first one has promised.
    return refusal('denied', `node ${node.id} is registered with another data directory`);
  }
  state.nodes.set(node.id, node);
  return { ok: true, stamp, type: 'nodeRegistered' };
}

function register(state: MetadataState, nonce: string, max: number, place: Place): MetadataReply {
  const { stamp } = place;
  const known = state.sessionByNonce.get(nonce);
  if (known !== undefined) return { ok: true, stamp, type: 'registered', sessionId: known };
  if (state.sessions.size >= max) return refusal('limit', `the cluster keeps at most ${max} sessions`);
  state.sessions.set(stamp, { id: stamp, nonce, registeredAt: place.timestamp });
  state.sessionByNonce.set(nonce, stamp);
  return { ok: true, stamp, type: 'registered', sessionId: stamp };
}

function createStream(state: MetadataState, name: string, max: number, { stamp }: Place): MetadataReply {
  const invalid = validateName(name);
  if (invalid !== null) return refusal(invalid.code, invalid.message);
  if (state.streamByName.has(name)) return refusal('alreadyExists', `there is a stream '${name}' already`);
  if (state.streams.size >= max) return refusal('limit', `the cluster has at most ${max} streams`);
  const id = state.nextStream++;
  state.streams.set(id, { id, name, topics: new Set() });
  state.streamByName.set(name, id);
  return { ok: true, stamp, type: 'streamCreated', streamId: id };
}

function deleteStream(
  state: MetadataState,
  id: number,
  cascade: boolean,
  { stamp }: Place,
  events: GroupEvents,
): MetadataReply {
  const stream = state.streams.get(id);
  if (stream === undefined) {
    if (id >= state.nextStream) return refusal('unknownStream', `no stream has had the id ${id}`);
    return { ok: true, stamp, type: 'deleted', existed: false };
  }
  if (stream.topics.size > 0 && !cascade) {
    return refusal('streamNotEmpty', `stream '${stream.name}' holds ${stream.topics.size} topics`);
  }
  for (const topic of stream.topics) removeTopic(state, state.topics.get(topic)!, events);
  state.streams.delete(id);
  state.streamByName.delete(stream.name);
  return { ok: true, stamp, type: 'deleted', existed: true };
}

function createTopic(
  state: MetadataState,
  op: CreateTopicOp,
  { stamp }: Place,
  events: GroupEvents,
): MetadataReply {
  const stream = findStream(state, op.stream);
  if ('ok' in stream) return stream;
  const invalid = validateName(op.name);
  if (invalid !== null) return refusal(invalid.code, invalid.message);
  const key = topicKey(stream.id, op.name);
  if (state.topicByName.has(key)) {
    return refusal('alreadyExists', `there is a topic '${op.stream}/${op.name}' already`);
  }
  if (state.topics.size >= op.topicsMax)
    return refusal('limit', `the cluster has at most ${op.topicsMax} topics`);
  if (state.groups.size + op.members.length > op.clusterPartitionsMax) {
    return refusal('limit', `the cluster has at most ${op.clusterPartitionsMax} partitions`);
  }
  for (const members of op.members) {
    const moved = judgeMembers(state, members);
    // Placed by a primary that knew other nodes or hosts: it may place anew and propose again.
    if (moved !== null) return refusal('retryLater', moved);
  }
  const crowded = crowdedNode(state, op);
  if (crowded !== null) {
    return refusal(
      'limit',
      `node ${crowded} would hold more than ${op.nodePartitionsMax} partition replicas`,
    );
  }
  const id = state.nextTopic++;
  const groups = op.members.map(() => state.nextGroup++);
  const topic: TopicEntry = {
    id,
    streamId: stream.id,
    name: op.name,
    replication: op.members[0]!.length,
    durability: op.durability,
    keyPartitions: op.keyPartitions,
    segmentBytes: op.segmentBytes,
    lanesMax: op.lanesMax,
    version: stamp,
    groups,
  };
  stream.topics.add(id);
  state.topics.set(id, topic);
  state.topicByName.set(key, id);
  groups.forEach((group, partition) => {
    const entry: GroupEntry = {
      group,
      topicId: id,
      partition,
      members: op.members[partition]!,
      mode: op.durability,
      segmentBytes: op.segmentBytes,
      lanesMax: op.lanesMax,
      stamp,
      epoch: 0,
      view: 0,
    };
    addGroup(state, entry);
    events.onGroupCreated(entry);
  });
  return { ok: true, stamp, type: 'topicCreated', topic: describeTopic(state, topic) };
}

/**
 * Changes what the topic is to promise. The creation records of its partitions stay as they are: the log of a
 * partition begins in the mode of its creation for whoever reads it, and says itself where that changes.
 */
function alterTopic(
  state: MetadataState,
  id: number,
  durability: Durability,
  { stamp }: Place,
): MetadataReply {
  const topic = state.topics.get(id);
  if (topic === undefined) return refusal('unknownTopic', `there is no topic with the id ${id}`);
  if (topic.durability !== durability) state.topics.set(id, { ...topic, durability, version: stamp });
  return { ok: true, stamp, type: 'topicAltered' };
}

/** Null, or why these members do not fit the nodes as they are now. */
function judgeMembers(state: MetadataState, members: readonly number[]): string | null {
  const hosts = new Set<string>();
  for (const id of members) {
    const node = state.nodes.get(id);
    if (node === undefined) return `node ${id} is not a node of the cluster`;
    if (hosts.has(node.host)) return `two replicas would be on host '${node.host}'`;
    hosts.add(node.host);
  }
  return null;
}

/** A node that would be a member of more partition groups than the op allows, or null. */
function crowdedNode(state: MetadataState, op: CreateTopicOp): number | null {
  const added = new Map<number, number>();
  for (const members of op.members)
    for (const node of members) added.set(node, (added.get(node) ?? state.groupsByNode.get(node) ?? 0) + 1);
  for (const [node, count] of added) if (count > op.nodePartitionsMax) return node;
  return null;
}

function deleteTopic(state: MetadataState, id: number, { stamp }: Place, events: GroupEvents): MetadataReply {
  const topic = state.topics.get(id);
  if (topic === undefined) {
    if (id >= state.nextTopic) return refusal('unknownTopic', `no topic has had the id ${id}`);
    return { ok: true, stamp, type: 'deleted', existed: false };
  }
  state.streams.get(topic.streamId)!.topics.delete(id);
  removeTopic(state, topic, events);
  return { ok: true, stamp, type: 'deleted', existed: true };
}

/** Takes a topic and its partitions out; the stream's list is the caller's. */
function removeTopic(state: MetadataState, topic: TopicEntry, events: GroupEvents): void {
  state.topics.delete(topic.id);
  state.topicByName.delete(topicKey(topic.streamId, topic.name));
  for (const group of topic.groups) {
    const entry = state.groups.get(group)!;
    removeGroup(state, entry);
    events.onGroupDeleted(entry);
  }
}
