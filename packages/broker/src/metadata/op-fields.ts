import { type Durability, LimitTable, U32_MAX } from '@vireo/protocol';
import type { CreateTopicOp, MetadataOp } from './ops.ts';
import type { NodeEntry } from './state.ts';

type Fields = Readonly<Record<string, unknown>>;

const HEX32 = /^[0-9a-f]{32}$/;

/**
 * Checks the shape of a decoded op: types and absolute bounds, so that `apply` only has to judge against the
 * state. Names are judged by `apply`, which answers with a code of their own.
 *
 * @returns the op, with nothing but the known fields, or a text that says what is wrong.
 */
export function readOp(raw: unknown): MetadataOp | string {
  if (!isFields(raw)) return 'a metadata op is a map';
  switch (raw.op) {
    case 'found':
      return foundOp(raw);
    case 'registerNode': {
      const node = nodeEntry(raw.node);
      return typeof node === 'string' ? node : { op: 'registerNode', node };
    }
    case 'register': {
      if (typeof raw.nonce !== 'string' || !HEX32.test(raw.nonce)) return 'nonce must be 32 hex digits';
      if (!isInteger(raw.sessionsMax, 0, U32_MAX)) return 'sessionsMax must be a u32';
      return { op: 'register', nonce: raw.nonce, sessionsMax: raw.sessionsMax };
    }
    case 'createStream': {
      if (typeof raw.name !== 'string') return 'name must be a string';
      if (!isInteger(raw.streamsMax, 0, U32_MAX)) return 'streamsMax must be a u32';
      return { op: 'createStream', name: raw.name, streamsMax: raw.streamsMax };
    }
    case 'deleteStream': {
      if (!isInteger(raw.streamId, 1, U32_MAX)) return 'streamId must be an id';
      if (typeof raw.cascade !== 'boolean') return 'cascade must be a boolean';
      return { op: 'deleteStream', streamId: raw.streamId, cascade: raw.cascade };
    }
    case 'createTopic':
      return createTopicOp(raw);
    case 'alterTopic':
      if (!isInteger(raw.topicId, 1, U32_MAX)) return 'topicId must be an id';
      if (!isDurability(raw.durability)) return "durability must be 'disk' or 'memory'";
      return { op: 'alterTopic', topicId: raw.topicId, durability: raw.durability };
    case 'deleteTopic':
      if (!isInteger(raw.topicId, 1, U32_MAX)) return 'topicId must be an id';
      return { op: 'deleteTopic', topicId: raw.topicId };
    default:
      return 'the metadata op is not known to this program';
  }
}

function foundOp(raw: Fields): MetadataOp | string {
  if (!Array.isArray(raw.nodes) || raw.nodes.length === 0)
    return 'nodes must be a list with at least one node';
  const nodes: NodeEntry[] = [];
  const seen = new Set<number>();
  for (const item of raw.nodes) {
    const node = nodeEntry(item);
    if (typeof node === 'string') return node;
    if (seen.has(node.id)) return `node ${node.id} is listed twice`;
    seen.add(node.id);
    nodes.push(node);
  }
  return { op: 'found', nodes };
}

function createTopicOp(raw: Fields): CreateTopicOp | string {
  const { stream, name, durability, keyPartitions, segmentBytes, lanesMax } = raw;
  const { topicsMax, clusterPartitionsMax, nodePartitionsMax } = raw;
  if (typeof stream !== 'string') return 'stream must be a string';
  if (typeof name !== 'string') return 'name must be a string';
  if (!isDurability(durability)) return "durability must be 'disk' or 'memory'";
  const { min, max } = LimitTable.segmentBytes;
  if (!isInteger(segmentBytes, min, max)) return `segmentBytes must be ${min} to ${max}`;
  const lanes = LimitTable.lanesPartitionMax;
  if (!isInteger(lanesMax, lanes.min, lanes.max)) return `lanesMax must be ${lanes.min} to ${lanes.max}`;
  if (!isInteger(topicsMax, 0, U32_MAX)) return 'topicsMax must be a u32';
  if (!isInteger(clusterPartitionsMax, 0, U32_MAX)) return 'clusterPartitionsMax must be a u32';
  if (!isInteger(nodePartitionsMax, 0, U32_MAX)) return 'nodePartitionsMax must be a u32';
  const members = memberLists(raw.members);
  if (typeof members === 'string') return members;
  if (!isInteger(keyPartitions, 1, members.length))
    return 'keyPartitions must be 1 to the number of partitions';
  return {
    op: 'createTopic',
    stream,
    name,
    durability,
    keyPartitions,
    segmentBytes,
    lanesMax,
    members,
    topicsMax,
    clusterPartitionsMax,
    nodePartitionsMax,
  };
}

/** Lists of the same length of different node ids. */
function memberLists(raw: unknown): number[][] | string {
  const partitionsMax = LimitTable.opPartitionsMax.max;
  const replicasMax = LimitTable.replicasMax.max;
  if (!Array.isArray(raw) || raw.length === 0) return 'members must list at least one partition';
  if (raw.length > partitionsMax) return `one op makes at most ${partitionsMax} partitions`;
  const lists: number[][] = [];
  for (const item of raw) {
    if (!Array.isArray(item) || item.length === 0 || item.length > replicasMax) {
      return `a partition has 1 to ${replicasMax} members`;
    }
    if (item.length !== raw[0].length) return 'all partitions of a topic have the same number of members';
    const list: number[] = [];
    for (const id of item) {
      if (!isInteger(id, 0, U32_MAX)) return 'a member is a node id';
      if (list.includes(id)) return `node ${id} is a member twice`;
      list.push(id);
    }
    lists.push(list);
  }
  return lists;
}

function nodeEntry(raw: unknown): NodeEntry | string {
  if (!isFields(raw)) return 'a node is a map';
  const { id, address, host, incarnation } = raw;
  if (!isInteger(id, 0, U32_MAX)) return 'the id of a node is a u32';
  if (!isText(address)) return `the address of node ${id} must be 1 to 255 bytes`;
  if (!isText(host)) return `the host label of node ${id} must be 1 to 255 bytes`;
  if (typeof incarnation !== 'string' || !HEX32.test(incarnation)) {
    return `the incarnation of node ${id} must be 32 hex digits`;
  }
  return { id, address, host, incarnation };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && Buffer.byteLength(value, 'utf8') <= 255;
}

function isDurability(value: unknown): value is Durability {
  return value === 'disk' || value === 'memory';
}
