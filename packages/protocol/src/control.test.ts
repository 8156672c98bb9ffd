import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decoded } from './decoded.ts';
import { decodeError, encodeError } from './error-payload.ts';
import { type ErrorCode, ErrorCodes, VireoError } from './errors.ts';
import { encodePayload } from './payload.ts';
import { type ControlOp, type ControlRequest, decodeRequest, encodeRequest } from './requests.ts';
import { type ControlResponses, decodeResponse, encodeResponse } from './responses.ts';

const nonce = Buffer.alloc(16, 5);

const requests: { readonly [Op in ControlOp]: Extract<ControlRequest, { op: Op }> } = {
  createStream: { op: 'createStream', name: 'shop' },
  deleteStream: { op: 'deleteStream', stream: 'shop', cascade: true },
  createTopic: {
    op: 'createTopic',
    stream: 'shop',
    name: 'orders',
    partitions: 6,
    replication: 3,
    durability: 'disk',
  },
  alterTopic: { op: 'alterTopic', target: { topicId: 7 }, durability: 'memory' },
  deleteTopic: { op: 'deleteTopic', target: { topicId: 7 } },
  describe: { op: 'describe' },
  lookupTopic: { op: 'lookupTopic', stream: 'shop', topic: 'orders' },
  register: { op: 'register', nonce },
  groupStates: { op: 'groupStates' },
  partitionInfo: { op: 'partitionInfo', group: 2 ** 40 },
  stats: { op: 'stats' },
  coldStart: { op: 'coldStart', group: 3, without: true },
  transfer: { op: 'transfer', group: 3, target: 1 },
};

const topic = {
  id: 7,
  name: 'orders',
  partitions: 1,
  replication: 3,
  durability: 'disk',
  version: 1,
  keyPartitions: 1,
  groups: [{ group: 9, partition: 0, members: [2, 0, 1] }],
} as const;
const nodes = [{ id: 0, address: '127.0.0.1:7400', host: 'a' }];

const responses: ControlResponses = {
  createStream: { streamId: 1, stamp: 5 },
  deleteStream: { stamp: 6 },
  createTopic: { topicId: 7, stamp: 8 },
  alterTopic: { stamp: 9 },
  deleteTopic: { stamp: 9 },
  describe: { stamp: 10, nodes, streams: [{ id: 1, name: 'shop', topics: [topic] }] },
  lookupTopic: { stamp: 11, nodes, streamId: 1, topic },
  register: { sessionId: 12, stamp: 12 },
  groupStates: {
    node: 0,
    groups: [
      {
        group: 9,
        role: 'backup',
        status: 'normal',
        view: 3,
        epoch: 1,
        op: 50,
        commitMin: 48,
        commitMax: 49,
        primary: 2,
        offset: 4000,
        start: 0,
        members: [2, 0, 1],
        mode: 'memory',
        lossEpoch: 2,
      },
    ],
  },
  partitionInfo: { start: 0, end: 4000, lossEpoch: 0, view: 3, node: 2, mode: 'disk' },
  stats: { node: 0, counters: { commits: 4 }, histograms: { ack: { p50: 1 } } },
  coldStart: { node: 2, status: 'amnesiac' },
  transfer: { view: 4 },
};

const ops = Object.keys(requests) as ControlOp[];

/** Every value that is one byte away from `bytes`, or cut short, or random. */
function attack(
  bytes: Buffer,
  decode: (bytes: Buffer) => Decoded<unknown>,
  codes: readonly ErrorCode[],
): void {
  for (let end = 0; end < bytes.length; end++) expect(decode(bytes.subarray(0, end)).ok).toBe(false);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const read = decode(flipped);
    if (!read.ok) expect(codes).toContain(read.error.code);
  }
}

describe('control requests', () => {
  it.each(ops)('%s round-trips, with and without its envelope', (op) => {
    const request = requests[op];
    expect(decodeRequest(encodeRequest(request))).toEqual({ ok: true, value: request });
    const wrapped = { ...request, session: 5, number: 2, stamp: 2 ** 40, forwarded: true };
    expect(decodeRequest(encodeRequest(wrapped))).toEqual({ ok: true, value: wrapped });
  });

  it('alterTopic and deleteTopic go by names too, cascade and target may be left out, unknown fields are ignored', () => {
    const byName: ControlRequest = { op: 'deleteTopic', target: { stream: 'a', topic: 'b' } };
    expect(decodeRequest(encodeRequest(byName))).toEqual({ ok: true, value: byName });
    const altered: ControlRequest = { ...byName, op: 'alterTopic', durability: 'disk' };
    expect(decodeRequest(encodeRequest(altered))).toEqual({ ok: true, value: altered });
    expect(decodeRequest(encodePayload({ op: 'coldStart', group: 1 }))).toEqual({
      ok: true,
      value: { op: 'coldStart', group: 1, without: false },
    });
    expect(decodeRequest(encodePayload({ op: 'deleteStream', stream: 'a', future: 1 }))).toEqual({
      ok: true,
      value: { op: 'deleteStream', stream: 'a', cascade: false },
    });
    expect(decodeRequest(encodePayload({ op: 'transfer', group: 1, target: null }))).toMatchObject({
      ok: true,
    });
  });

  it.each(ops)('%s survives truncation and flipped bits', (op) => {
    attack(encodeRequest(requests[op]), decodeRequest, [
      'corruptPayload',
      'invalidRequest',
      'invalidName',
      'tooLarge',
    ]);
  });

  it.each([
    ['no map', [1]],
    ['no op', {}],
    ['an unknown op', { op: 'drop' }],
    ['an inherited op', { op: 'constructor' }],
    ['a number without session', { op: 'describe', number: 1 }],
    ['a session without number', { op: 'describe', session: 1 }],
    ['a negative stamp', { op: 'describe', stamp: -1 }],
    ['forwarded that is no boolean', { op: 'describe', forwarded: 1 }],
    ['a short nonce', { op: 'register', nonce: Buffer.alloc(15) }],
    ['a nonce that is text', { op: 'register', nonce: 'x'.repeat(16) }],
    ['no partitions', { ...requests.createTopic, partitions: 0 }],
    ['too many partitions', { ...requests.createTopic, partitions: 4097 }],
    ['half a partition', { ...requests.createTopic, partitions: 1.5 }],
    ['no replicas', { ...requests.createTopic, replication: 0 }],
    ['too many replicas', { ...requests.createTopic, replication: 8 }],
    ['an unknown durability', { ...requests.createTopic, durability: 'paper' }],
    ['an altered durability that is unknown', { op: 'alterTopic', topicId: 7, durability: 'paper' }],
    ['a topic id above u32', { op: 'deleteTopic', topicId: 2 ** 32 }],
    ['a group that is no number', { op: 'partitionInfo', group: '1' }],
  ])('%s is invalidRequest', (_what, request) => {
    expect(decodeRequest(encodePayload(request))).toMatchObject({
      ok: false,
      error: { code: 'invalidRequest' },
    });
  });

  it.each(['', 'a/b', 'x'.repeat(256), 7, undefined])('the name %j is invalidName', (name) => {
    for (const request of [
      { op: 'createStream', name },
      { op: 'deleteStream', stream: name },
      { ...requests.createTopic, name },
      { op: 'lookupTopic', stream: 'a', topic: name },
      { op: 'deleteTopic', stream: 'a', topic: name },
      { op: 'alterTopic', stream: 'a', topic: name, durability: 'disk' },
    ]) {
      expect(decodeRequest(encodePayload(request))).toMatchObject({
        ok: false,
        error: { code: 'invalidName' },
      });
    }
  });

  it('takes 4,096 partitions and 6 replicas, the most there can be', () => {
    const decodes = (change: object) =>
      decodeRequest(encodeRequest({ ...requests.createTopic, partitions: 4096, replication: 6, ...change }))
        .ok;
    expect(decodes({})).toBe(true);
    expect(decodes({ partitions: 4097 })).toBe(false);
    expect(decodes({ replication: 7 })).toBe(false);
  });

  it('is refused with more values than a request has', () => {
    const list = new Array<number>(16_384).fill(1);
    expect(decodeRequest(encodePayload({ op: 'describe', list }))).toMatchObject({
      error: { code: 'tooLarge' },
    });
  });
});

describe('control responses', () => {
  it.each(ops)('to %s round-trips', (op) => {
    expect(decodeResponse(op, encodeResponse(op, responses[op]))).toEqual({ ok: true, value: responses[op] });
  });

  it.each(ops)('to %s survives truncation and flipped bits', (op) => {
    attack(encodeResponse(op, responses[op]), (bytes) => decodeResponse(op, bytes), [
      'corruptPayload',
      'tooLarge',
    ]);
  });

  it.each(ops)('to %s must say ok and hold what is asked for', (op) => {
    expect(decodeResponse(op, encodePayload({ ...responses[op] }))).toMatchObject({
      error: { code: 'corruptPayload' },
    });
    expect(decodeResponse(op, encodePayload({ ok: true }))).toMatchObject({
      error: { code: 'corruptPayload' },
    });
  });

  it('stops at the first wrong item of a list and names it', () => {
    const broken = { ...responses.describe, ok: true, nodes: [nodes[0], { id: 'x' }, { id: 'y' }] };
    expect(decodeResponse('describe', encodePayload(broken))).toMatchObject({
      error: { code: 'corruptPayload', message: expect.stringContaining('nodes[1].id') },
    });
  });
});

describe('errors on the wire', () => {
  it.each(Object.keys(ErrorCodes) as ErrorCode[])('%s arrives as it was sent', (code) => {
    const sent = new VireoError(code, 'what happened', { details: { view: 3 } });
    const read = decodeError(encodeError(sent));
    if (!read.ok) throw new Error(read.error.message);
    expect(read.value).toMatchObject({
      code,
      message: 'what happened',
      retryable: sent.retryable,
      outcome: sent.outcome,
      details: { view: 3 },
    });
  });

  it('takes retryable and outcome of a plain error from the table, and cuts an endless message', () => {
    const read = decodeError(encodeError({ code: 'timeout', message: 'x'.repeat(5000) }));
    expect(read).toMatchObject({
      ok: true,
      value: { code: 'timeout', retryable: true, outcome: 'unknown', details: undefined },
    });
    if (read.ok) expect(read.value.message).toHaveLength(1024);
  });

  it('of a newer node keeps what it says of retry and outcome', () => {
    const read = decodeError(
      encodePayload({ code: 'fromTheFuture', message: 'm', retryable: true, outcome: 'notApplied' }),
    );
    expect(read).toMatchObject({
      ok: true,
      value: { code: 'internal', retryable: true, outcome: 'notApplied', details: { code: 'fromTheFuture' } },
    });
  });

  it('survives truncation, flipped bits, random bytes', () => {
    const codes: readonly ErrorCode[] = ['corruptPayload', 'tooLarge'];
    attack(encodeError(new VireoError('overloaded', 'busy', { details: { waitMs: 5 } })), decodeError, codes);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const read = decodeError(Buffer.from(bytes));
        expect(!read.ok && codes.includes(read.error.code)).toBe(true);
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
