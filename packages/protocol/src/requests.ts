import { type Decoded, refused } from './decoded.ts';
import { Fields } from './fields.ts';
import { U32_MAX } from './integers.ts';
import { LimitTable } from './limits.ts';
import { decodePayload, encodePayload, requestPayloadLimits } from './payload.ts';

/** What every control request may carry. */
export interface RequestEnvelope {
  /** Session whose numbered request this is: the same number again gives the same result. */
  readonly session?: number | undefined;
  readonly number?: number | undefined;
  /** Highest metadata stamp the client has seen; a node that is behind waits, then says `metadataBehind`. */
  readonly stamp?: number | undefined;
  /** Passed on by a node; not passed on again. */
  readonly forwarded?: boolean | undefined;
}

/** What an ack promises: `disk`, in the journals of a quorum; `memory`, in the memory of one. */
export type Durability = 'disk' | 'memory';

export interface CreateStream extends RequestEnvelope {
  readonly op: 'createStream';
  readonly name: string;
}
export interface DeleteStream extends RequestEnvelope {
  readonly op: 'deleteStream';
  readonly stream: string;
  /** Also delete its topics; without it a stream that has some is `streamNotEmpty`. */
  readonly cascade: boolean;
}
export interface CreateTopic extends RequestEnvelope {
  readonly op: 'createTopic';
  readonly stream: string;
  readonly name: string;
  readonly partitions: number;
  /** Replicas of each partition. */
  readonly replication: number;
  readonly durability: Durability;
}
/** Changes what acks of a topic promise; each partition follows with an op in its own log. */
export interface AlterTopic extends RequestEnvelope {
  readonly op: 'alterTopic';
  readonly target: TopicTarget;
  readonly durability: Durability;
}
/** By id, so that a retry cannot hit a successor of the same name; or by names. */
export type TopicTarget = { readonly topicId: number } | { readonly stream: string; readonly topic: string };

export interface DeleteTopic extends RequestEnvelope {
  readonly op: 'deleteTopic';
  readonly target: TopicTarget;
}
/** All streams, topics and nodes. */
export interface Describe extends RequestEnvelope {
  readonly op: 'describe';
}
export interface LookupTopic extends RequestEnvelope {
  readonly op: 'lookupTopic';
  readonly stream: string;
  readonly topic: string;
}
/** Makes a session; a repeated nonce gives the same one. */
export interface Register extends RequestEnvelope {
  readonly op: 'register';
  /** 16 bytes. */
  readonly nonce: Buffer;
}
/** The replicas of the node that is asked. */
export interface GroupStates extends RequestEnvelope {
  readonly op: 'groupStates';
}
/** Bounds of a partition as its primary knows them. */
export interface PartitionInfo extends RequestEnvelope {
  readonly op: 'partitionInfo';
  readonly group: number;
}
export interface Stats extends RequestEnvelope {
  readonly op: 'stats';
}
/**
 * Orders the replica of the node that is asked to take part in a cold start of its group: so many members have lost
 * what they acknowledged that the group can only go on from the best log that is left, and say so.
 */
export interface ColdStart extends RequestEnvelope {
  readonly op: 'coldStart';
  readonly group: number;
  /** Also without the members that do not answer: what they alone hold is given up. */
  readonly without: boolean;
}
/** Asks the primary of a group to hand over. */
export interface Transfer extends RequestEnvelope {
  readonly op: 'transfer';
  readonly group: number;
  /** Node that should take over; left out: any. */
  readonly target?: number | undefined;
}

export type ControlRequest =
  | CreateStream
  | DeleteStream
  | CreateTopic
  | AlterTopic
  | DeleteTopic
  | Describe
  | LookupTopic
  | Register
  | GroupStates
  | PartitionInfo
  | Stats
  | ColdStart
  | Transfer;

export type ControlOp = ControlRequest['op'];

const NONCE_SIZE = 16;

/** One validator an op: it reads the op's fields, the envelope is read for all. */
const validators: { readonly [Op in ControlOp]: (fields: Fields) => ControlRequest } = {
  createStream: (fields) => ({ op: 'createStream', name: fields.name('name') }),
  deleteStream: (fields) => ({
    op: 'deleteStream',
    stream: fields.name('stream'),
    cascade: fields.booleanOr('cascade', false),
  }),
  createTopic: (fields) => ({
    op: 'createTopic',
    stream: fields.name('stream'),
    name: fields.name('name'),
    partitions: fields.integer('partitions', 1, LimitTable.topicPartitionsMax.max),
    replication: fields.integer('replication', 1, LimitTable.replicasMax.max),
    durability: fields.oneOf('durability', ['disk', 'memory']),
  }),
  alterTopic: (fields) => ({
    op: 'alterTopic',
    target: topicTarget(fields),
    durability: fields.oneOf('durability', ['disk', 'memory']),
  }),
  deleteTopic: (fields) => ({ op: 'deleteTopic', target: topicTarget(fields) }),
  describe: () => ({ op: 'describe' }),
  lookupTopic: (fields) => ({
    op: 'lookupTopic',
    stream: fields.name('stream'),
    topic: fields.name('topic'),
  }),
  register: (fields) => ({ op: 'register', nonce: fields.bytes('nonce', NONCE_SIZE) }),
  groupStates: () => ({ op: 'groupStates' }),
  partitionInfo: (fields) => ({ op: 'partitionInfo', group: fields.integer('group') }),
  stats: () => ({ op: 'stats' }),
  coldStart: (fields) => ({
    op: 'coldStart',
    group: fields.integer('group'),
    without: fields.booleanOr('without', false),
  }),
  transfer: (fields) => ({
    op: 'transfer',
    group: fields.integer('group'),
    target: fields.integerOrAbsent('target', 0, U32_MAX),
  }),
};

function topicTarget(fields: Fields): TopicTarget {
  return fields.has('topicId')
    ? { topicId: fields.integer('topicId', 0, U32_MAX) }
    : { stream: fields.name('stream'), topic: fields.name('topic') };
}

/** The payload of a `request` frame. */
export function encodeRequest(request: ControlRequest): Buffer {
  if (request.op !== 'deleteTopic' && request.op !== 'alterTopic') return encodePayload(request);
  const { target, ...rest } = request;
  return encodePayload({ ...rest, ...target });
}

/**
 * Reads and validates the payload of a `request` frame.
 *
 * Errors: `corruptPayload`, `tooLarge`, `invalidRequest`, `invalidName`.
 */
export function decodeRequest(payload: Buffer): Decoded<ControlRequest> {
  const plain = decodePayload(payload, requestPayloadLimits);
  if (!plain.ok) return plain;
  const fields = Fields.of(plain.value, 'request', 'invalidRequest');
  const op = fields.string('op', 64);
  if (!Object.hasOwn(validators, op)) {
    const named = fields.done(op);
    return named.ok ? refused('invalidRequest', `no request is called ${JSON.stringify(op)}`) : named;
  }
  const session = fields.integerOrAbsent('session');
  const number = fields.integerOrAbsent('number');
  if ((session === undefined) !== (number === undefined)) fields.reject('has only one of session and number');
  const stamp = fields.integerOrAbsent('stamp');
  const forwarded = fields.booleanOr('forwarded', false);
  const request = validators[op as ControlOp](fields);
  return fields.done({
    ...request,
    ...(session === undefined ? {} : { session, number }),
    ...(stamp === undefined ? {} : { stamp }),
    ...(forwarded ? { forwarded } : {}),
  });
}
