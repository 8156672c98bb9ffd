import {
  type Decoded,
  type Durability,
  decoded,
  decodePayload,
  encodePayload,
  PREPARE_HEADER_SIZE,
  refused,
  requestPayloadLimits,
} from '@vireo/protocol';
import { readOp } from './op-fields.ts';
import type { NodeEntry } from './state.ts';

/**
 * The ops of the metadata group. What depends on the outside (placement, configured limits) is worked out by
 * the primary before it proposes and lies in the op as data: `apply` reads nothing but the op and the state, or
 * two nodes with different settings would come to different states.
 */
export type MetadataOp =
  /** The founding: the nodes of the cluster. Again with the same nodes: no effect, ok. */
  | { readonly op: 'found'; readonly nodes: readonly NodeEntry[] }
  /** A new node, or a new address or host label of a known one. */
  | { readonly op: 'registerNode'; readonly node: NodeEntry }
  /** A session. Again with the same nonce: the same id. */
  | { readonly op: 'register'; readonly nonce: string; readonly sessionsMax: number }
  | { readonly op: 'createStream'; readonly name: string; readonly streamsMax: number }
  | { readonly op: 'deleteStream'; readonly streamId: number; readonly cascade: boolean }
  | CreateTopicOp
  /** What acks of the topic are to promise; its partitions follow by an op of their own. */
  | { readonly op: 'alterTopic'; readonly topicId: number; readonly durability: Durability }
  | { readonly op: 'deleteTopic'; readonly topicId: number };

export interface CreateTopicOp {
  readonly op: 'createTopic';
  /** Name of the stream: resolved when the op is applied, so that "create stream, create topic" may be pipelined. */
  readonly stream: string;
  readonly name: string;
  readonly durability: Durability;
  readonly keyPartitions: number;
  readonly segmentBytes: number;
  readonly lanesMax: number;
  /** Ordered members per partition; its length is the number of partitions. */
  readonly members: readonly (readonly number[])[];
  readonly topicsMax: number;
  readonly clusterPartitionsMax: number;
  readonly nodePartitionsMax: number;
}

/** The op as the bytes of a client request: room for the prepare header, then MessagePack. */
export function encodeMetadataOp(op: MetadataOp): Buffer {
  const body = encodePayload(op);
  const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + body.length);
  bytes.set(body, PREPARE_HEADER_SIZE);
  return bytes;
}

/** Decodes and checks a prepare's body. Errors: `invalidRequest`, and those of `decodePayload`. */
export function decodeMetadataOp(body: Buffer): Decoded<MetadataOp> {
  const raw = decodePayload(body, requestPayloadLimits);
  if (!raw.ok) return raw;
  const op = readOp(raw.value);
  return typeof op === 'string' ? refused('invalidRequest', op) : decoded(op);
}
