import type { Crc32 } from './checksums.ts';
import { type Decoded, decoded, refused } from './decoded.ts';
import { Fields } from './fields.ts';
import { encodeFrameHead, type Frame, FrameKind } from './frame.ts';
import { isZero, readU64, U32_MAX, writeU64 } from './integers.ts';
import { decodePayload, encodePayload, requestPayloadLimits } from './payload.ts';

export type ReplicaRole = 'primary' | 'backup';

/** Payload of `subscribed`. */
export interface Subscribed {
  /** First offset there is, and one past the last committed. */
  readonly start: number;
  readonly end: number;
  readonly lossEpoch: number;
  /** The last op applied at the replica: with the lossEpoch a token of what this answer knows. */
  readonly op: number;
  /** Offset at which this subscription begins. */
  readonly from: number;
  readonly node: number;
  readonly role: ReplicaRole;
  readonly view: number;
  /** As in a push. */
  readonly ageMs: number;
}

export function encodeSubscribed(subscribed: Subscribed): Buffer {
  return encodePayload({ ...subscribed, ageMs: ageField(subscribed.ageMs) });
}

/** Errors: `corruptPayload`, `tooLarge`. */
export function decodeSubscribed(payload: Buffer): Decoded<Subscribed> {
  const plain = decodePayload(payload, requestPayloadLimits);
  if (!plain.ok) return plain;
  const fields = Fields.of(plain.value, 'subscribed', 'corruptPayload');
  return fields.done({
    start: fields.integer('start'),
    end: fields.integer('end'),
    lossEpoch: fields.integer('lossEpoch', 0, U32_MAX),
    op: fields.integer('op'),
    from: fields.integer('from'),
    node: fields.integer('node', 0, U32_MAX),
    role: fields.oneOf('role', ['primary', 'backup']),
    view: fields.integer('view', 0, U32_MAX),
    ageMs: fields.integer('ageMs', 0, U32_MAX),
  });
}

/** Size of the covered part of a `batches` push. */
export const BATCHES_HEAD_SIZE = 40;

/** The covered part of a `batches` push. */
export interface BatchesHead {
  /** One past the last offset committed as this replica knows. */
  readonly commitOffset: number;
  /** First offset of the first batch that follows. */
  readonly firstOffset: number;
  readonly view: number;
  readonly node: number;
  readonly role: ReplicaRole;
  /**
   * All that was committed so long ago is within the commit offset, ms; `AGE_UNKNOWN`: the replica cannot tell.
   */
  readonly ageMs: number;
  readonly lossEpoch: number;
}

export interface Batches extends BatchesHead {
  readonly subscription: number;
  /** Whole prepares back to back, as stored; of any kind, clients skip what is no batch. */
  readonly body: Buffer;
}

const push = {
  commitOffset: 0,
  firstOffset: 8,
  view: 16,
  node: 20,
  role: 24,
  pad: 25,
  ageMs: 28,
  lossEpoch: 32,
  reserved: 36,
};

const ROLES: readonly (ReplicaRole | undefined)[] = [undefined, 'primary', 'backup'];

/** Frame header and fixed part; the `bodySize` bytes of prepares are sent right behind. */
export function encodeBatchesHead(
  subscription: number,
  group: number,
  fields: BatchesHead,
  bodySize: number,
  checksums: Crc32,
): Buffer {
  const head = Buffer.alloc(BATCHES_HEAD_SIZE);
  writeU64(head, fields.commitOffset, push.commitOffset);
  writeU64(head, fields.firstOffset, push.firstOffset);
  head.writeUInt32LE(fields.view, push.view);
  head.writeUInt32LE(fields.node, push.node);
  head[push.role] = ROLES.indexOf(fields.role);
  head.writeUInt32LE(ageField(fields.ageMs), push.ageMs);
  head.writeUInt32LE(fields.lossEpoch, push.lossEpoch);
  return encodeFrameHead(FrameKind.batches, subscription, group, head, bodySize, checksums);
}

/** Reads a `batches` push; the prepares are not looked at (`peekPrepareHeader`, `decodeBatch`). Error: `corruptPayload`. */
export function decodeBatches(frame: Frame): Decoded<Batches> {
  const { payload } = frame;
  if (payload.length < BATCHES_HEAD_SIZE || frame.covered !== BATCHES_HEAD_SIZE) {
    return refused('corruptPayload', 'the fixed part of a push is cut short');
  }
  const commitOffset = readU64(payload, push.commitOffset);
  const firstOffset = readU64(payload, push.firstOffset);
  if (commitOffset < 0 || firstOffset < 0)
    return refused('corruptPayload', 'an offset of a push is larger than 2^53-1');
  const role = ROLES[payload[push.role]!];
  if (role === undefined) return refused('corruptPayload', `role ${payload[push.role]} is not known`);
  if (!isZero(payload, push.pad, push.ageMs) || !isZero(payload, push.reserved, BATCHES_HEAD_SIZE)) {
    return refused('corruptPayload', 'reserved bytes of a push are not zero');
  }
  return decoded({
    subscription: frame.correlation,
    commitOffset,
    firstOffset,
    view: payload.readUInt32LE(push.view),
    node: payload.readUInt32LE(push.node),
    role,
    ageMs: payload.readUInt32LE(push.ageMs),
    lossEpoch: payload.readUInt32LE(push.lossEpoch),
    body: payload.subarray(BATCHES_HEAD_SIZE),
  });
}

export const CREDIT_SIZE = 16;

/** Added to what a subscription may still be sent. */
export interface Credit {
  readonly bytes: number;
  readonly records: number;
}

/** A whole credit frame. */
export function encodeCredit(subscription: number, group: number, credit: Credit, checksums: Crc32): Buffer {
  const payload = Buffer.alloc(CREDIT_SIZE);
  writeU64(payload, credit.bytes, 0);
  writeU64(payload, credit.records, 8);
  return encodeFrameHead(FrameKind.credit, subscription, group, payload, 0, checksums);
}

/** Error: `corruptPayload`. The subscription is the frame's correlation. */
export function decodeCredit(frame: Frame): Decoded<Credit> {
  const { payload } = frame;
  if (payload.length !== CREDIT_SIZE || frame.covered !== CREDIT_SIZE) {
    return refused('corruptPayload', `a credit of ${payload.length} bytes`);
  }
  const bytes = readU64(payload, 0);
  const records = readU64(payload, 8);
  if (bytes < 0 || records < 0) return refused('corruptPayload', 'a credit larger than 2^53-1');
  return decoded({ bytes, records });
}

/** A whole frame that ends a subscription from the client's side. */
export function encodeUnsubscribe(subscription: number, group: number, checksums: Crc32): Buffer {
  return encodeFrameHead(FrameKind.unsubscribe, subscription, group, Buffer.alloc(0), 0, checksums);
}

function ageField(ageMs: number): number {
  return Math.min(Math.ceil(ageMs), AGE_UNKNOWN);
}

/** An age that is not known, as a field of a push or status. */
export const AGE_UNKNOWN = U32_MAX;

export const SUBSCRIPTION_STATUS_SIZE = 24;

/** Sent each second while there is nothing to send: the consumer sees that the replica lives, and how fresh it is. */
export interface SubscriptionStatus {
  readonly commitOffset: number;
  readonly view: number;
  readonly ageMs: number;
}

/** A whole status frame. */
export function encodeSubscriptionStatus(
  subscription: number,
  group: number,
  status: SubscriptionStatus,
  checksums: Crc32,
): Buffer {
  const payload = Buffer.alloc(SUBSCRIPTION_STATUS_SIZE);
  writeU64(payload, status.commitOffset, 0);
  payload.writeUInt32LE(status.view, 8);
  payload.writeUInt32LE(ageField(status.ageMs), 12);
  return encodeFrameHead(FrameKind.subscriptionStatus, subscription, group, payload, 0, checksums);
}

/** Error: `corruptPayload`. */
export function decodeSubscriptionStatus(frame: Frame): Decoded<SubscriptionStatus> {
  const { payload } = frame;
  if (payload.length !== SUBSCRIPTION_STATUS_SIZE || frame.covered !== SUBSCRIPTION_STATUS_SIZE) {
    return refused('corruptPayload', `a status of ${payload.length} bytes`);
  }
  const commitOffset = readU64(payload, 0);
  if (commitOffset < 0) return refused('corruptPayload', 'an offset of a status is larger than 2^53-1');
  if (!isZero(payload, 16, SUBSCRIPTION_STATUS_SIZE))
    return refused('corruptPayload', 'reserved bytes of a status are not zero');
  return decoded({ commitOffset, view: payload.readUInt32LE(8), ageMs: payload.readUInt32LE(12) });
}
