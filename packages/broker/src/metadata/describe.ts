import { type Refusal, refusal } from './reply.ts';
import { type Durability, type MetadataState, type StreamEntry, type TopicEntry, topicKey } from './state.ts';

/** A node as clients see it. */
export interface NodeDescription {
  readonly id: number;
  readonly address: string;
  readonly host: string;
}

/** A partition of a topic: its group and the ordered members, from which a client computes any view's primary. */
export interface PartitionDescription {
  readonly group: number;
  readonly partition: number;
  readonly members: readonly number[];
}

export interface TopicDescription {
  readonly id: number;
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly durability: Durability;
  readonly version: number;
  readonly keyPartitions: number;
  readonly groups: readonly PartitionDescription[];
}

export interface StreamDescription {
  readonly id: number;
  readonly name: string;
  readonly topics: readonly TopicDescription[];
}

/** Answer to `describe`: all metadata that clients may see, as of `stamp`. */
export interface MetadataDescription {
  readonly stamp: number;
  readonly nodes: readonly NodeDescription[];
  readonly streams: readonly StreamDescription[];
}

/** Answer to `lookupTopic`. */
export interface TopicLookup {
  readonly ok: true;
  readonly stamp: number;
  readonly nodes: readonly NodeDescription[];
  readonly streamId: number;
  readonly topic: TopicDescription;
}

/** Everything, in order of ids. */
export function describeStreams(state: MetadataState): readonly StreamDescription[] {
  return [...state.streams.values()].map((stream) => ({
    id: stream.id,
    name: stream.name,
    topics: [...stream.topics].map((id) => describeTopic(state, state.topics.get(id)!)),
  }));
}

/** The nodes in order of ids. */
export function describeNodes(state: MetadataState): readonly NodeDescription[] {
  return [...state.nodes.values()]
    .map(({ id, address, host }) => ({ id, address, host }))
    .sort((a, b) => a.id - b.id);
}

export function describeTopic(state: MetadataState, topic: TopicEntry): TopicDescription {
  return {
    id: topic.id,
    name: topic.name,
    partitions: topic.groups.length,
    replication: topic.replication,
    durability: topic.durability,
    version: topic.version,
    keyPartitions: topic.keyPartitions,
    groups: topic.groups.map((group, partition) => ({
      group,
      partition,
      members: state.groups.get(group)!.members,
    })),
  };
}

/** Resolves a stream's name, or says `unknownStream`. */
export function findStream(state: MetadataState, name: string): StreamEntry | Refusal {
  const id = state.streamByName.get(name);
  return id === undefined ? refusal('unknownStream', `there is no stream '${name}'`) : state.streams.get(id)!;
}

/** Resolves the names of a stream and a topic in it, or says `unknownStream` or `unknownTopic`. */
export function findTopic(state: MetadataState, stream: string, name: string): TopicEntry | Refusal {
  const found = findStream(state, stream);
  if ('ok' in found) return found;
  const id = state.topicByName.get(topicKey(found.id, name));
  return id === undefined
    ? refusal('unknownTopic', `stream '${stream}' has no topic '${name}'`)
    : state.topics.get(id)!;
}
