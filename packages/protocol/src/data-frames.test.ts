import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { decodeBatch } from './batch-decoder.ts';
import type { Decoded } from './decoded.ts';
import { encodeFrameHead, FRAME_HEADER_SIZE, type Frame, FrameKind } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { PREPARE_HEADER_SIZE } from './prepare.ts';
import {
  DurabilityCode,
  decodeProduce,
  decodeProduceAck,
  encodeProduceAck,
  encodeProduceHead,
  PRODUCE_ACK_SIZE,
  PRODUCE_HEAD_SIZE,
  PRODUCE_ROOM,
  type ProduceAck,
  type ProduceFields,
} from './produce.ts';
import {
  BATCHES_HEAD_SIZE,
  type BatchesHead,
  decodeBatches,
  decodeCredit,
  decodeSubscriptionStatus,
  encodeBatchesHead,
  encodeCredit,
  encodeSubscriptionStatus,
  encodeUnsubscribe,
} from './subscription.ts';

const checksums = { crc32 };
const runs = { seed: 1, numRuns: 200 };
const u32 = fc.nat(0xffff_ffff);
const u64 = fc.maxSafeNat();

/** The one frame that `bytes` are. */
function frameOf(...bytes: Buffer[]): Frame {
  const frames: Frame[] = [];
  const error = new FrameReader({ frameBytesMax: 2 ** 20 }, checksums).push(Buffer.concat(bytes), (frame) =>
    frames.push(frame),
  );
  if (error !== null) throw new Error(error.message);
  expect(frames).toHaveLength(1);
  return frames[0]!;
}

/** `frame` with another payload, as a peer would send it that gets it wrong but can compute a checksum. */
function withPayload(
  frame: Frame,
  payload: Buffer,
  covered = Math.min(frame.covered, payload.length),
): Frame {
  const head = encodeFrameHead(
    frame.kind,
    frame.correlation,
    frame.group,
    payload.subarray(0, covered),
    payload.length - covered,
    checksums,
  );
  return frameOf(head, payload.subarray(covered));
}

/** Every truncation is refused; bytes that must be zero are; nothing throws. */
function attack(
  frame: Frame,
  decode: (frame: Frame) => Decoded<unknown>,
  fixed: number,
  code: string,
  reserved: readonly number[],
): void {
  for (let end = 0; end < fixed; end++) {
    expect(decode(withPayload(frame, frame.payload.subarray(0, end)))).toMatchObject({
      ok: false,
      error: { code },
    });
  }
  for (const at of reserved) {
    const payload = Buffer.from(frame.payload);
    payload[at] = 1;
    expect(decode(withPayload(frame, payload))).toMatchObject({ ok: false, error: { code } });
  }
  for (let bit = 0; bit < fixed * 8; bit++) {
    const payload = Buffer.from(frame.payload);
    payload[bit >> 3]! ^= 1 << (bit & 7);
    const read = decode(withPayload(frame, payload));
    if (!read.ok) expect(read.error.code).toBe(code);
  }
  // The fixed part must be what the checksum covers: no more, no less.
  expect(decode(withPayload(frame, frame.payload, fixed - 1))).toMatchObject({ ok: false, error: { code } });
}

function batchWithRoom(): Buffer {
  const builder = new BatchBuilder();
  builder.add({ value: 'hello', key: 'k' }, 5);
  return builder.finish(
    { producerId: 1, producerEpoch: 2, sequence: 3, codec: 0, room: PRODUCE_ROOM },
    { checksums },
  );
}

const produceFields: ProduceFields = {
  durability: DurabilityCode.disk,
  routingVersion: 3,
  stamp: 2 ** 40,
  topicId: 4,
  partition: 5,
};

describe('produce', () => {
  it('round-trips, and the batch is where the primary needs it', () => {
    const anyFields = fc.record({
      durability: fc.constantFrom(0, 1, 2),
      routingVersion: u32,
      stamp: u64,
      topicId: u32,
      partition: u32,
    });
    fc.assert(
      fc.property(anyFields, u64, u64, (fields, correlation, group) => {
        const bytes = batchWithRoom();
        encodeProduceHead(bytes, correlation, group, fields, checksums);
        const frame = frameOf(bytes);
        const read = decodeProduce(frame);
        if (!read.ok) throw new Error(read.error.message);
        expect(read.value).toMatchObject({ ...fields, correlation, group });
        expect(read.value.prepare.equals(frame.bytes.subarray(FRAME_HEADER_SIZE + PRODUCE_HEAD_SIZE))).toBe(
          true,
        );
        expect(read.value.prepare.buffer).toBe(frame.bytes.buffer);
        expect(decodeBatch(read.value.batch, 0, { checksums })).toMatchObject({
          ok: true,
          value: { length: 1 },
        });
      }),
      runs,
    );
  });

  it('may be sent again with another correlation, whatever the room holds by then', () => {
    const bytes = batchWithRoom();
    encodeProduceHead(bytes, 1, 9, produceFields, checksums);
    bytes.fill(0xee, FRAME_HEADER_SIZE + PRODUCE_HEAD_SIZE, PRODUCE_ROOM);
    encodeProduceHead(bytes, 2, 9, produceFields, checksums);
    expect(decodeProduce(frameOf(bytes))).toMatchObject({
      ok: true,
      value: { correlation: 2, ...produceFields },
    });
  });

  it('is refused when cut, when a reserved byte is set, when it has no batch', () => {
    const bytes = batchWithRoom();
    encodeProduceHead(bytes, 1, 9, produceFields, checksums);
    const frame = frameOf(bytes);
    attack(frame, decodeProduce, PRODUCE_HEAD_SIZE, 'invalidRequest', [1, 2, 3, 24, 31]);
    const noBatch = frame.payload.subarray(0, PRODUCE_HEAD_SIZE + PREPARE_HEADER_SIZE + 63);
    expect(decodeProduce(withPayload(frame, noBatch))).toMatchObject({ error: { code: 'invalidRequest' } });
    const durability = Buffer.from(frame.payload);
    durability[0] = 3;
    expect(decodeProduce(withPayload(frame, durability))).toMatchObject({
      error: { code: 'invalidRequest' },
    });
  });
});

describe('produce ack', () => {
  const anyAck: fc.Arbitrary<ProduceAck> = fc.record({
    baseOffset: u64,
    timestamp: u64,
    op: u64,
    count: u32,
    lossEpoch: u32,
    duplicate: fc.boolean(),
    durability: fc.constantFrom(1 as const, 2 as const),
    view: u32,
    node: u32,
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(anyAck, u64, (ack, correlation) => {
        const frame = frameOf(encodeProduceAck(correlation, 3, ack, checksums));
        expect(frame).toMatchObject({ kind: FrameKind.produceAck, correlation, group: 3 });
        expect(decodeProduceAck(frame)).toEqual({ ok: true, value: ack });
      }),
      runs,
    );
  });

  it('is refused when cut, padded, or with a value that means nothing', () => {
    const ack: ProduceAck = {
      baseOffset: 1,
      timestamp: 2,
      op: 3,
      count: 4,
      lossEpoch: 0,
      duplicate: true,
      durability: 2,
      view: 1,
      node: 0,
    };
    const frame = frameOf(encodeProduceAck(1, 3, ack, checksums));
    attack(frame, decodeProduceAck, PRODUCE_ACK_SIZE, 'corruptPayload', [34, 35, 44, 55]);
    for (const [at, value] of [
      [32, 2],
      [33, 0],
      [33, 3],
      [7, 1],
    ] as const) {
      const payload = Buffer.from(frame.payload);
      payload[at] = value;
      expect(decodeProduceAck(withPayload(frame, payload))).toMatchObject({
        error: { code: 'corruptPayload' },
      });
    }
  });
});

describe('batches', () => {
  const anyHead: fc.Arbitrary<BatchesHead> = fc.record({
    commitOffset: u64,
    firstOffset: u64,
    view: u32,
    node: u32,
    role: fc.constantFrom('primary' as const, 'backup' as const),
    ageMs: u32,
    lossEpoch: u32,
  });

  it('round-trips its head and leaves the body as it is', () => {
    fc.assert(
      fc.property(anyHead, fc.uint8Array({ maxLength: 300 }), u64, (head, body, subscription) => {
        const frame = frameOf(
          encodeBatchesHead(subscription, 8, head, body.length, checksums),
          Buffer.from(body),
        );
        expect(frame).toMatchObject({ kind: FrameKind.batches, group: 8 });
        const read = decodeBatches(frame);
        if (!read.ok) throw new Error(read.error.message);
        const { body: got, ...rest } = read.value;
        expect(rest).toEqual({ ...head, subscription });
        expect(got.equals(body)).toBe(true);
      }),
      runs,
    );
  });

  it('is refused when cut, padded, or with an unknown role', () => {
    const head: BatchesHead = {
      commitOffset: 1,
      firstOffset: 0,
      view: 1,
      node: 2,
      role: 'primary',
      ageMs: 0,
      lossEpoch: 0,
    };
    const frame = frameOf(encodeBatchesHead(1, 8, head, 0, checksums));
    attack(frame, decodeBatches, BATCHES_HEAD_SIZE, 'corruptPayload', [25, 26, 27, 36, 39]);
    for (const [at, value] of [
      [24, 0],
      [24, 3],
      [7, 1],
      [15, 1],
    ] as const) {
      const payload = Buffer.from(frame.payload);
      payload[at] = value;
      expect(decodeBatches(withPayload(frame, payload))).toMatchObject({ error: { code: 'corruptPayload' } });
    }
  });

  it('an age beyond a u32 is the largest one', () => {
    const head: BatchesHead = {
      commitOffset: 1,
      firstOffset: 0,
      view: 1,
      node: 2,
      role: 'backup',
      ageMs: 2 ** 40,
      lossEpoch: 0,
    };
    expect(decodeBatches(frameOf(encodeBatchesHead(1, 8, head, 0, checksums)))).toMatchObject({
      value: { ageMs: 2 ** 32 - 1 },
    });
  });
});

describe('credit, status, unsubscribe', () => {
  it('round-trip', () => {
    fc.assert(
      fc.property(u64, u64, u32, u32, (a, b, view, ageMs) => {
        const credit = frameOf(encodeCredit(7, 8, { bytes: a, records: b }, checksums));
        expect(credit).toMatchObject({ kind: FrameKind.credit, correlation: 7, group: 8 });
        expect(decodeCredit(credit)).toEqual({ ok: true, value: { bytes: a, records: b } });
        const status = frameOf(encodeSubscriptionStatus(7, 8, { commitOffset: a, view, ageMs }, checksums));
        expect(status).toMatchObject({ kind: FrameKind.subscriptionStatus, correlation: 7 });
        expect(decodeSubscriptionStatus(status)).toEqual({
          ok: true,
          value: { commitOffset: a, view, ageMs },
        });
      }),
      runs,
    );
    expect(frameOf(encodeUnsubscribe(7, 8, checksums))).toMatchObject({
      kind: FrameKind.unsubscribe,
      correlation: 7,
      covered: 0,
    });
  });

  it('are refused when cut, padded or too large a number', () => {
    const credit = frameOf(encodeCredit(7, 8, { bytes: 1, records: 2 }, checksums));
    attack(credit, decodeCredit, 16, 'corruptPayload', [7, 15]);
    const status = frameOf(encodeSubscriptionStatus(7, 8, { commitOffset: 1, view: 1, ageMs: 1 }, checksums));
    attack(status, decodeSubscriptionStatus, 24, 'corruptPayload', [7, 16, 23]);
    for (const [frame, decode] of [
      [credit, decodeCredit],
      [status, decodeSubscriptionStatus],
    ] as const) {
      const longer = Buffer.concat([frame.payload, Buffer.alloc(1)]);
      expect(
        (decode as (frame: Frame) => Decoded<unknown>)(withPayload(frame, longer, longer.length)),
      ).toMatchObject({
        error: { code: 'corruptPayload' },
      });
    }
  });
});
