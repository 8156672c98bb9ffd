import type { NodeDescription, StreamDescription, TopicDescription } from '@vireo/protocol';
import { type Refusal, refusal } from './reply.ts';
import { type MetadataState, type StreamEntry, type TopicEntry, topicKey } from './state.ts';

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
