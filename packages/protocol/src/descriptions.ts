import type { Fields } from './fields.ts';
import { U32_MAX } from './integers.ts';
import type { Durability } from './requests.ts';

export interface NodeDescription {
  readonly id: number;
  /** host:port for clients and peers. */
  readonly address: string;
  /** Label of the machine: replicas of a group are on different ones. */
  readonly host: string;
}

export interface PartitionDescription {
  readonly group: number;
  readonly partition: number;
  /** Node ids, in the group's order: the primary of view v is `members[v mod n]`. */
  readonly members: readonly number[];
}

export interface TopicDescription {
  readonly id: number;
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly durability: Durability;
  readonly version: number;
  /** Partitions that keyed records are spread over; fixed at creation. */
  readonly keyPartitions: number;
  readonly groups: readonly PartitionDescription[];
}

export interface StreamDescription {
  readonly id: number;
  readonly name: string;
  readonly topics: readonly TopicDescription[];
}

export interface ClusterDescription {
  /** Stamp of the metadata described. */
  readonly stamp: number;
  readonly nodes: readonly NodeDescription[];
  readonly streams: readonly StreamDescription[];
}

/** One replica of the node that was asked. */
export interface GroupState {
  readonly group: number;
  readonly role: 'primary' | 'backup';
  readonly status: string;
  readonly view: number;
  readonly epoch: number;
  readonly op: number;
  readonly commitMin: number;
  readonly commitMax: number;
  /** Node id of the view's primary. */
  readonly primary: number;
  /** End of the committed records. */
  readonly offset: number;
  readonly start: number;
  readonly members: readonly number[];
  /** What an ack means as of `commitMin`. */
  readonly mode: Durability;
  /** How often the log was cut by a cold start. */
  readonly lossEpoch: number;
}

export function readNode(fields: Fields): NodeDescription {
  return {
    id: fields.integer('id', 0, U32_MAX),
    address: fields.string('address', 512),
    host: fields.string('host', 512),
  };
}

export function readTopic(fields: Fields): TopicDescription {
  return {
    id: fields.integer('id', 0, U32_MAX),
    name: fields.name('name'),
    partitions: fields.integer('partitions', 1),
    replication: fields.integer('replication', 1),
    durability: fields.oneOf('durability', ['disk', 'memory']),
    version: fields.integer('version'),
    keyPartitions: fields.integer('keyPartitions', 1),
    groups: fields.list('groups', readPartition),
  };
}

function readPartition(fields: Fields): PartitionDescription {
  return {
    group: fields.integer('group'),
    partition: fields.integer('partition', 0, U32_MAX),
    members: fields.integers('members', U32_MAX),
  };
}

export function readStream(fields: Fields): StreamDescription {
  return {
    id: fields.integer('id', 0, U32_MAX),
    name: fields.name('name'),
    topics: fields.list('topics', readTopic),
  };
}

export function readGroupState(fields: Fields): GroupState {
  return {
    group: fields.integer('group'),
    role: fields.oneOf('role', ['primary', 'backup']),
    status: fields.string('status', 64),
    view: fields.integer('view', 0, U32_MAX),
    epoch: fields.integer('epoch', 0, U32_MAX),
    op: fields.integer('op'),
    commitMin: fields.integer('commitMin'),
    commitMax: fields.integer('commitMax'),
    primary: fields.integer('primary', 0, U32_MAX),
    offset: fields.integer('offset'),
    start: fields.integer('start'),
    members: fields.integers('members', U32_MAX),
    mode: fields.oneOf('mode', ['disk', 'memory']),
    lossEpoch: fields.integer('lossEpoch', 0, U32_MAX),
  };
}
