import { type Decoded, refused } from './decoded.ts';
import {
  type ClusterDescription,
  type GroupState,
  type NodeDescription,
  readGroupState,
  readNode,
  readStream,
  readTopic,
  type TopicDescription,
} from './descriptions.ts';
import { Fields } from './fields.ts';
import { U32_MAX } from './integers.ts';
import { decodePayload, encodePayload } from './payload.ts';
import type { ControlOp, Durability } from './requests.ts';

/** What each op answers when it succeeds; failures are `error` frames. */
export interface ControlResponses {
  createStream: { readonly streamId: number; readonly stamp: number };
  deleteStream: { readonly stamp: number };
  createTopic: { readonly topicId: number; readonly stamp: number };
  /** The metadata says so; `partitionInfo` says when a partition has followed. */
  alterTopic: { readonly stamp: number };
  deleteTopic: { readonly stamp: number };
  describe: ClusterDescription;
  lookupTopic: {
    readonly stamp: number;
    readonly nodes: readonly NodeDescription[];
    readonly streamId: number;
    readonly topic: TopicDescription;
  };
  /** The session's id is also the producer id of what it sends. */
  register: { readonly sessionId: number; readonly stamp: number };
  groupStates: { readonly node: number; readonly groups: readonly GroupState[] };
  /** `start` and `end` are offsets; `end` is one past the last committed record. */
  partitionInfo: {
    readonly start: number;
    readonly end: number;
    readonly lossEpoch: number;
    readonly view: number;
    readonly node: number;
    /** What an ack means now: the topic's durability once the partition has followed it. */
    readonly mode: Durability;
  };
  /** Counters and histograms by name; which there are is the node's business. */
  stats: {
    readonly node: number;
    readonly counters: Readonly<Record<string, unknown>>;
    readonly histograms: Readonly<Record<string, unknown>>;
  };
  /** The node has taken the order; `status`: of its replica. */
  coldStart: { readonly node: number; readonly status: string };
  transfer: { readonly view: number };
}

export type ControlResponse<Op extends ControlOp> = ControlResponses[Op];

const readers: { readonly [Op in ControlOp]: (fields: Fields) => ControlResponses[Op] } = {
  createStream: (fields) => ({
    streamId: fields.integer('streamId', 0, U32_MAX),
    stamp: fields.integer('stamp'),
  }),
  deleteStream: (fields) => ({ stamp: fields.integer('stamp') }),
  createTopic: (fields) => ({
    topicId: fields.integer('topicId', 0, U32_MAX),
    stamp: fields.integer('stamp'),
  }),
  alterTopic: (fields) => ({ stamp: fields.integer('stamp') }),
  deleteTopic: (fields) => ({ stamp: fields.integer('stamp') }),
  describe: (fields) => ({
    stamp: fields.integer('stamp'),
    nodes: fields.list('nodes', readNode),
    streams: fields.list('streams', readStream),
  }),
  lookupTopic: (fields) => ({
    stamp: fields.integer('stamp'),
    nodes: fields.list('nodes', readNode),
    streamId: fields.integer('streamId', 0, U32_MAX),
    topic: readTopic(fields.map('topic')),
  }),
  register: (fields) => ({ sessionId: fields.integer('sessionId'), stamp: fields.integer('stamp') }),
  groupStates: (fields) => ({
    node: fields.integer('node', 0, U32_MAX),
    groups: fields.list('groups', readGroupState),
  }),
  partitionInfo: (fields) => ({
    start: fields.integer('start'),
    end: fields.integer('end'),
    lossEpoch: fields.integer('lossEpoch', 0, U32_MAX),
    view: fields.integer('view', 0, U32_MAX),
    node: fields.integer('node', 0, U32_MAX),
    mode: fields.oneOf('mode', ['disk', 'memory']),
  }),
  stats: (fields) => ({
    node: fields.integer('node', 0, U32_MAX),
    counters: fields.record('counters'),
    histograms: fields.record('histograms'),
  }),
  coldStart: (fields) => ({ node: fields.integer('node', 0, U32_MAX), status: fields.string('status', 64) }),
  transfer: (fields) => ({ view: fields.integer('view', 0, U32_MAX) }),
};

/** The payload of a `response` frame. */
export function encodeResponse<Op extends ControlOp>(_op: Op, response: ControlResponses[Op]): Buffer {
  return encodePayload({ ok: true, ...response });
}

/** Reads the payload of a `response` frame to a request of kind `op`. Errors: `corruptPayload`, `tooLarge`. */
export function decodeResponse<Op extends ControlOp>(op: Op, payload: Buffer): Decoded<ControlResponses[Op]> {
  const plain = decodePayload(payload);
  if (!plain.ok) return plain;
  const fields = Fields.of(plain.value, 'response', 'corruptPayload');
  const response = readers[op](fields);
  const result = fields.done(response);
  if (result.ok && !fields.booleanOr('ok', false))
    return refused('corruptPayload', 'the response does not say ok');
  return result;
}
