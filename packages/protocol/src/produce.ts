import { BATCH_HEADER_SIZE } from './batch-header.ts';
import type { Crc32 } from './checksums.ts';
import { type Decoded, decoded, refused } from './decoded.ts';
import { encodeFrameHead, FRAME_HEADER_SIZE, type Frame, FrameKind, writeFrameHeader } from './frame.ts';
import { isZero, readU64, writeU64 } from './integers.ts';
import { PREPARE_HEADER_SIZE } from './prepare.ts';

/** Size of the fixed, covered part of a produce request. */
export const PRODUCE_HEAD_SIZE = 32;

/**
 * What a producer leaves free in front of a batch: frame header, fixed part, and room for the prepare header, which
 * the primary writes into the very bytes it received. `finish({room: PRODUCE_ROOM})` makes a buffer that is sent as
 * it is.
 */
export const PRODUCE_ROOM = FRAME_HEADER_SIZE + PRODUCE_HEAD_SIZE + PREPARE_HEADER_SIZE;

/** What a durability is called in frames; `topic` (in requests only) means whatever the topic promises. */
export const DurabilityCode = { topic: 0, memory: 1, disk: 2 } as const;
export type DurabilityCodeValue = (typeof DurabilityCode)[keyof typeof DurabilityCode];

const head = {
  durability: 0,
  flags: 1,
  reserved1: 2,
  routingVersion: 4,
  stamp: 8,
  topicId: 16,
  partition: 20,
  reserved2: 24,
};

/** The fixed part of a produce request. */
export interface ProduceFields {
  /** The weakest durability the producer accepts; a topic that gives less refuses. */
  readonly durability: DurabilityCodeValue;
  /** Version of the key routing used; 0: no keys. */
  readonly routingVersion: number;
  /** Highest metadata stamp the client has seen. */
  readonly stamp: number;
  readonly topicId: number;
  readonly partition: number;
}

export interface ProduceRequest extends ProduceFields {
  readonly correlation: number;
  readonly group: number;
  /** 128 bytes of room and the batch, in place. What is in the room means nothing. */
  readonly prepare: Buffer;
  readonly batch: Buffer;
}

/**
 * Writes frame header and fixed part into the first 64 bytes of `bytes`, which has `PRODUCE_ROOM` bytes in front of
 * the batch and is then the whole frame. A retry does so again with another correlation.
 */
export function encodeProduceHead(
  bytes: Buffer,
  correlation: number,
  group: number,
  fields: ProduceFields,
  checksums: Crc32,
): void {
  const at = FRAME_HEADER_SIZE;
  bytes.fill(0, at, at + PRODUCE_HEAD_SIZE);
  bytes[at + head.durability] = fields.durability;
  bytes.writeUInt32LE(fields.routingVersion, at + head.routingVersion);
  writeU64(bytes, fields.stamp, at + head.stamp);
  bytes.writeUInt32LE(fields.topicId, at + head.topicId);
  bytes.writeUInt32LE(fields.partition, at + head.partition);
  const bodySize = bytes.length - at - PRODUCE_HEAD_SIZE;
  writeFrameHeader(bytes, FrameKind.produce, correlation, group, PRODUCE_HEAD_SIZE, bodySize, checksums);
}

/** Reads a produce frame; the batch is not looked at. Error: `invalidRequest`. */
export function decodeProduce(frame: Frame): Decoded<ProduceRequest> {
  const { payload } = frame;
  if (frame.covered !== PRODUCE_HEAD_SIZE)
    return refused('invalidRequest', 'the fixed part of a produce request is not covered');
  if (payload.length < PRODUCE_HEAD_SIZE + PREPARE_HEADER_SIZE + BATCH_HEADER_SIZE) {
    return refused('invalidRequest', 'a produce request is too short for a batch');
  }
  const durability = payload[head.durability]!;
  if (durability > DurabilityCode.disk)
    return refused('invalidRequest', `durability ${durability} is not known`);
  if (
    payload[head.flags] !== 0 ||
    !isZero(payload, head.reserved1, head.routingVersion) ||
    !isZero(payload, head.reserved2, PRODUCE_HEAD_SIZE)
  ) {
    return refused('invalidRequest', 'reserved bytes of a produce request are not zero');
  }
  const stamp = readU64(payload, head.stamp);
  if (stamp < 0) return refused('invalidRequest', 'the stamp is larger than 2^53-1');
  const prepare = payload.subarray(PRODUCE_HEAD_SIZE);
  return decoded({
    correlation: frame.correlation,
    group: frame.group,
    durability: durability as DurabilityCodeValue,
    routingVersion: payload.readUInt32LE(head.routingVersion),
    stamp,
    topicId: payload.readUInt32LE(head.topicId),
    partition: payload.readUInt32LE(head.partition),
    prepare,
    batch: prepare.subarray(PREPARE_HEADER_SIZE),
  });
}

/** Size of an ack's payload. */
export const PRODUCE_ACK_SIZE = 56;

const ack = {
  baseOffset: 0,
  timestamp: 8,
  op: 16,
  count: 24,
  lossEpoch: 28,
  duplicate: 32,
  durability: 33,
  reserved1: 34,
  view: 36,
  node: 40,
  reserved2: 44,
};

/** The answer to a batch that is committed. */
export interface ProduceAck {
  /** Offset of the batch's first record. */
  readonly baseOffset: number;
  /** µs since 1970, given by the primary. */
  readonly timestamp: number;
  readonly op: number;
  readonly count: number;
  readonly lossEpoch: number;
  /** An earlier attempt is in the log; offset, op and timestamp are that one's. */
  readonly duplicate: boolean;
  /** The durability that was met. */
  readonly durability: 1 | 2;
  readonly view: number;
  readonly node: number;
}

/** A whole ack frame. */
export function encodeProduceAck(
  correlation: number,
  group: number,
  fields: ProduceAck,
  checksums: Crc32,
): Buffer {
  const payload = Buffer.alloc(PRODUCE_ACK_SIZE);
  writeU64(payload, fields.baseOffset, ack.baseOffset);
  writeU64(payload, fields.timestamp, ack.timestamp);
  writeU64(payload, fields.op, ack.op);
  payload.writeUInt32LE(fields.count, ack.count);
  payload.writeUInt32LE(fields.lossEpoch, ack.lossEpoch);
  payload[ack.duplicate] = fields.duplicate ? 1 : 0;
  payload[ack.durability] = fields.durability;
  payload.writeUInt32LE(fields.view, ack.view);
  payload.writeUInt32LE(fields.node, ack.node);
  return encodeFrameHead(FrameKind.produceAck, correlation, group, payload, 0, checksums);
}

/** Reads an ack. Error: `corruptPayload`. */
export function decodeProduceAck(frame: Frame): Decoded<ProduceAck> {
  const { payload } = frame;
  if (payload.length !== PRODUCE_ACK_SIZE || frame.covered !== PRODUCE_ACK_SIZE) {
    return refused('corruptPayload', `an ack of ${payload.length} bytes`);
  }
  const baseOffset = readU64(payload, ack.baseOffset);
  const timestamp = readU64(payload, ack.timestamp);
  const op = readU64(payload, ack.op);
  if (baseOffset < 0 || timestamp < 0 || op < 0)
    return refused('corruptPayload', 'a field of an ack is larger than 2^53-1');
  const duplicate = payload[ack.duplicate]!;
  const durability = payload[ack.durability]!;
  if (duplicate > 1) return refused('corruptPayload', `an ack with duplicate ${duplicate}`);
  if (durability !== DurabilityCode.memory && durability !== DurabilityCode.disk) {
    return refused('corruptPayload', `an ack with durability ${durability}`);
  }
  if (!isZero(payload, ack.reserved1, ack.view) || !isZero(payload, ack.reserved2, PRODUCE_ACK_SIZE)) {
    return refused('corruptPayload', 'reserved bytes of an ack are not zero');
  }
  return decoded({
    baseOffset,
    timestamp,
    op,
    count: payload.readUInt32LE(ack.count),
    lossEpoch: payload.readUInt32LE(ack.lossEpoch),
    duplicate: duplicate === 1,
    durability,
    view: payload.readUInt32LE(ack.view),
    node: payload.readUInt32LE(ack.node),
  });
}
