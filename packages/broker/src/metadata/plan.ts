import {
  type Durability,
  type ErrorCode,
  type Limits,
  LimitTable,
  type TopicTarget,
  validateName,
} from '@vireo/protocol';
import { findStream, findTopic } from './describe.ts';
import type { MetadataOp } from './ops.ts';
import { placePartitions } from './placement.ts';
import { type Refusal, refusal } from './reply.ts';
import type { MetadataState } from './state.ts';

/** An op to propose, or the answer to the request at once. */
export type Plan = { readonly ok: true; readonly op: MetadataOp } | Refusal;

/** What a client asks of `createTopic`. */
export interface TopicRequest {
  readonly stream: string;
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly durability: string;
  /** Bytes; default: the limit `segmentBytes`. */
  readonly segmentBytes?: number;
}

/**
 * Turns a request to create a topic into an op, at the primary: checks it against this node's limits and places
 * the replicas. `firstGroup` is the first id the new groups will probably get; if another op comes in between,
 * the primaries are a little less even, nothing else.
 */
export function planCreateTopic(
  state: MetadataState,
  request: TopicRequest,
  firstGroup: number,
  limits: Limits,
): Plan {
  const invalid = validateName(request.name);
  if (invalid !== null) return refusal(invalid.code, invalid.message);
  // Judged here for a better answer than that of the placement; judged again when the op is applied.
  const taken = findTopic(state, request.stream, request.name);
  if (!('ok' in taken)) {
    return refusal('alreadyExists', `there is a topic '${request.stream}/${request.name}' already`);
  }
  if (taken.code !== 'unknownTopic') return taken;
  const { durability, partitions, replication, segmentBytes = limits.segmentBytes } = request;
  if (durability !== 'disk' && durability !== 'memory')
    return refusal('invalidRequest', "durability must be 'disk' or 'memory'");
  const partitionsMax = Math.min(limits.opPartitionsMax, limits.topicPartitionsMax);
  const range =
    outside('partitions', partitions, 1, partitionsMax, 'limit') ??
    outside('replication', replication, 1, limits.replicasMax, 'tooManyReplicas') ??
    outside('segmentBytes', segmentBytes, LimitTable.segmentBytes.min, LimitTable.segmentBytes.max, 'limit');
  if (range !== null) return range;
  const placement = placePartitions([...state.nodes.values()], replication, partitions, firstGroup);
  if (!placement.ok) return placement;
  return {
    ok: true,
    op: {
      op: 'createTopic',
      stream: request.stream,
      name: request.name,
      durability,
      keyPartitions: partitions,
      segmentBytes,
      lanesMax: limits.lanesPartitionMax,
      members: placement.members,
      topicsMax: limits.topicsMax,
      clusterPartitionsMax: limits.clusterPartitionsMax,
      nodePartitionsMax: limits.nodePartitionsMax,
    },
  };
}

/** Resolves the name: a delete goes by id, so that a retry cannot hit a successor of the same name. */
export function planDeleteStream(state: MetadataState, stream: string, cascade: boolean): Plan {
  const found = findStream(state, stream);
  return 'ok' in found ? found : { ok: true, op: { op: 'deleteStream', streamId: found.id, cascade } };
}

/** As `planDeleteStream`: a topic is altered by id, so that a retry cannot hit a successor of the same name. */
export function planAlterTopic(state: MetadataState, target: TopicTarget, durability: Durability): Plan {
  if ('topicId' in target) return { ok: true, op: { op: 'alterTopic', topicId: target.topicId, durability } };
  const found = findTopic(state, target.stream, target.topic);
  return 'ok' in found ? found : { ok: true, op: { op: 'alterTopic', topicId: found.id, durability } };
}

/** As `planDeleteStream`, for a topic. */
export function planDeleteTopic(state: MetadataState, stream: string, topic: string): Plan {
  const found = findTopic(state, stream, topic);
  return 'ok' in found ? found : { ok: true, op: { op: 'deleteTopic', topicId: found.id } };
}

/** A refusal if `value` is no integer of the range: below it `invalidRequest`, above it `over`. */
function outside(name: string, value: number, min: number, max: number, over: ErrorCode): Refusal | null {
  if (!Number.isSafeInteger(value) || value < min) {
    return refusal('invalidRequest', `${name} is ${value}, it must be an integer of at least ${min}`);
  }
  return value > max ? refusal(over, `${name} is ${value}, allowed are at most ${max}`) : null;
}
