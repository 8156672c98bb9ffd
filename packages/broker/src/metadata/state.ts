import type { Durability } from '@vireo/protocol';

/** A broker process. */
export interface NodeEntry {
  readonly id: number;
  /** host:port at which clients and peers reach it. */
  readonly address: string;
  /** Label of what fails together (machine, rack); see placement. */
  readonly host: string;
  /** 32 hex digits drawn when its data directory was formatted: members are (node, incarnation). */
  readonly incarnation: string;
}

export interface StreamEntry {
  readonly id: number;
  readonly name: string;
  /** Ids of its topics, in order of creation. */
  readonly topics: Set<number>;
}

export interface TopicEntry {
  readonly id: number;
  readonly streamId: number;
  readonly name: string;
  readonly replication: number;
  readonly durability: Durability;
  /** Keys hash over so many partitions; stays when partitions are added, so that keys stay where they are. */
  readonly keyPartitions: number;
  /** Size in bytes at which a segment of its partitions is closed. */
  readonly segmentBytes: number;
  /** Producers that each of its partitions remembers. */
  readonly lanesMax: number;
  /** Stamp of the op that last changed it. */
  readonly version: number;
  /** Group ids by partition number. */
  readonly groups: readonly number[];
}

/** A partition's creation record: its replicas are built from this alone, on every node from the same. */
export interface GroupEntry {
  readonly group: number;
  readonly topicId: number;
  readonly partition: number;
  /** Node ids; the order decides who is primary of a view. */
  readonly members: readonly number[];
  readonly mode: Durability;
  readonly segmentBytes: number;
  /** See the partition's lanes: evictions must be the same on every replica, so it is no node's setting. */
  readonly lanesMax: number;
  /** Stamp of the op that created it. */
  readonly stamp: number;
  readonly epoch: number;
  /** View in which its replicas start. */
  readonly view: number;
}

interface SessionEntry {
  readonly id: number;
  /** 32 hex digits, chosen by the client: registering again with it gives the same id. */
  readonly nonce: string;
  /** Log time (µs since 1970) of its registration. */
  readonly registeredAt: number;
}

/**
 * Everything the metadata group replicates, as plain data. The last four maps are indexes, derived from the
 * rest; the snapshot leaves them out. Maps keep the order of insertion, which is the order of ids.
 */
export interface MetadataState {
  appliedOp: number;
  /** Added to op numbers to make stamps. Raised by a cold start, so that a lost op's stamp is not given again. */
  stampBase: number;
  nextStream: number;
  nextTopic: number;
  /** Group 0 is the metadata group itself. */
  nextGroup: number;
  /** `nextGroup` as the last cold start left it: what became of lower ids that are absent may have been lost. */
  groupsFrom: number;
  readonly nodes: Map<number, NodeEntry>;
  readonly streams: Map<number, StreamEntry>;
  readonly topics: Map<number, TopicEntry>;
  readonly groups: Map<number, GroupEntry>;
  readonly sessions: Map<number, SessionEntry>;
  readonly streamByName: Map<string, number>;
  readonly topicByName: Map<string, number>;
  readonly sessionByNonce: Map<string, number>;
  /** Partition groups that a node is a member of; no entry: none. */
  readonly groupsByNode: Map<number, number>;
}

/** The state before the first op. */
export function emptyState(): MetadataState {
  return {
    appliedOp: 0,
    stampBase: 0,
    nextStream: 1,
    nextTopic: 1,
    nextGroup: 1,
    groupsFrom: 1,
    nodes: new Map(),
    streams: new Map(),
    topics: new Map(),
    groups: new Map(),
    sessions: new Map(),
    streamByName: new Map(),
    topicByName: new Map(),
    sessionByNonce: new Map(),
    groupsByNode: new Map(),
  };
}

/** What a cold start adds to the base of stamps, and to each counter. */
const STAMPS_SKIPPED = 2 ** 40;
const IDS_SKIPPED = 2 ** 20;

/** The log goes on without some of its last ops: what one of those gave, ids and stamps, is not given again. */
export function skipLost(state: MetadataState): void {
  state.stampBase += STAMPS_SKIPPED;
  state.nextStream += IDS_SKIPPED;
  state.nextTopic += IDS_SKIPPED;
  state.nextGroup += IDS_SKIPPED;
  state.groupsFrom = state.nextGroup;
}

/** Enters a partition group, with the index over its members. */
export function addGroup(state: MetadataState, entry: GroupEntry): void {
  state.groups.set(entry.group, entry);
  for (const node of entry.members) state.groupsByNode.set(node, (state.groupsByNode.get(node) ?? 0) + 1);
}

/** Takes a partition group out, with the index over its members. */
export function removeGroup(state: MetadataState, entry: GroupEntry): void {
  state.groups.delete(entry.group);
  for (const node of entry.members) state.groupsByNode.set(node, (state.groupsByNode.get(node) ?? 0) - 1);
}

/** Key of `topicByName`. Names hold no '/', so it is unambiguous. */
export function topicKey(streamId: number, name: string): string {
  return `${streamId}/${name}`;
}
