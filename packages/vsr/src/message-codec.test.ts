import { createHash } from 'node:crypto';
import {
  type Checksums,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HEADERS_MAX } from './header-list.ts';
import type { Message } from './message.ts';
import { decodeMessage, encodeMessage, MESSAGE_FIXED_SIZE } from './message-codec.ts';
import type { StateRecord } from './state-record.ts';
import { decodeStateRecord, encodeStateRecord } from './state-record-codec.ts';

const checksums: Checksums = {
  crc32: () => 0,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

function chain(length: number): Prepare[] {
  const prepares: Prepare[] = [];
  for (let op = 1; op <= length; op++) {
    prepares.push(
      sealPrepare(
        Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE), Buffer.from(`body ${op}`)]),
        {
          group: 7,
          op,
          view: 2,
          epoch: 1,
          parent: prepares.at(-1)?.header.checksum ?? ZERO_CHECKSUM,
          kind: PrepareKind.batch,
          timestamp: 1000 + op,
          baseOffset: op,
          count: 1,
          producerId: 3,
          producerEpoch: 0,
          sequence: op,
          codec: 0,
        },
        checksums,
      ),
    );
  }
  return prepares;
}

const prepares = chain(HEADERS_MAX);
const checksum = 'ab'.repeat(16);
const suffix = {
  commitMax: 2,
  anchorOp: 0,
  anchorChecksum: ZERO_CHECKSUM,
  headers: prepares.map((prepare) => prepare.header),
};
const bits = prepares.map((_, i) => i % 3 === 0);
const viewed = { epoch: 1, view: 5 };

const messages: Message[] = [
  { type: 'prepare', ...viewed, commitMax: 4, prepare: prepares[0] as Prepare },
  { type: 'prepareOk', ...viewed, op: 2 ** 53 - 1, checksum, commitMin: 3 },
  { type: 'commit', ...viewed, commitMax: 9, checksum },
  { type: 'ping', ...viewed, op: 4, commitMax: 3, normal: true, sentMs: 5, answer: null },
  { type: 'startViewChange', ...viewed },
  { type: 'doViewChange', ...viewed, logView: 3, ...suffix, present: bits, nack: bits.map((bit) => !bit) },
  { type: 'startView', ...viewed, lossEpoch: 2, nonce: 77, ...suffix },
  { type: 'requestStartView', ...viewed, nonce: 78, asker: 'recovering' },
  { type: 'recoveryState', ...viewed, nonce: 79, recovering: true, lossEpoch: 3, rank: 4, ...suffix },
  { type: 'coldStart', ...viewed, nonce: 80 },
  { type: 'coldStartGranted', ...viewed, nonce: 81, recovering: true, lossEpoch: 3, rank: 4, ...suffix },
  { type: 'digest', ...viewed, op: 12, value: checksum },
  { type: 'getPrepare', first: 3, last: 8 },
  { type: 'repair', first: 1, committed: 2, prepares: prepares.slice(0, 3) },
  {
    type: 'ping',
    ...viewed,
    op: 4,
    commitMax: 3,
    normal: false,
    sentMs: 2 ** 53 - 1,
    answer: { run: 2 ** 32 - 1, sentMs: 6, ageMs: 9 },
  },
  { type: 'pong', ...viewed, sentMs: 12, question: { run: 3, sentMs: 13 } },
  { type: 'readIndex', ...viewed, number: 2 ** 40 },
  { type: 'readIndexOk', ...viewed, number: 2 ** 40, op: 5 },
];

/** Bits of the tag byte that another value of it has. */
const TAG_BITS: Partial<Record<Message['type'], readonly number[]>> = {
  ping: [8, 9],
  // 1 xor 1 is 0: lagging.
  requestStartView: [8],
  recoveryState: [8],
  coldStartGranted: [8],
};

function wire(message: Message): { bytes: Buffer; covered: number } {
  const { covered, bodies } = encodeMessage(message);
  return { bytes: Buffer.concat([covered, ...bodies]), covered: covered.length };
}

describe('replica messages', () => {
  for (const message of messages) {
    it(`${message.type} survives the wire`, () => {
      const { bytes, covered } = wire(message);
      expect(decodeMessage(bytes, covered, checksums)).toEqual({ ok: true, value: message });
    });

    it(`${message.type} cut short is refused, never half read`, () => {
      const { bytes, covered } = wire(message);
      for (let length = 0; length < bytes.length; length += length < 80 ? 1 : 37) {
        const cut = decodeMessage(bytes.subarray(0, length), Math.min(covered, length), checksums);
        expect(cut.ok, `${length} of ${bytes.length}`).toBe(false);
      }
    });
  }

  it('random bytes give a value or a typed error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.nat(600), (bytes, covered) => {
        const result = decodeMessage(Buffer.from(bytes), covered, checksums);
        if (!result.ok) expect(result.error.code).toMatch(/^[a-zA-Z]+$/);
      }),
    );
  });

  it('any bit that a message does not use is refused when it is set', () => {
    // Where the fixed part of each message says nothing, by the table of docs/formats.md.
    const used: Record<Message['type'], readonly [number, number][]> = {
      prepare: [[16, 24]],
      prepareOk: [[16, 48]],
      commit: [
        [16, 24],
        [32, 48],
      ],
      ping: [
        [16, 32],
        [48, 56],
      ],
      pong: [
        [16, 32],
        [56, 60],
      ],
      readIndex: [[16, 24]],
      readIndexOk: [[16, 32]],
      startViewChange: [],
      doViewChange: [
        [12, 48],
        [56, 60],
      ],
      startView: [[16, 64]],
      requestStartView: [[48, 56]],
      recoveryState: [[12, 64]],
      coldStart: [[48, 56]],
      coldStartGranted: [[12, 64]],
      digest: [
        [16, 24],
        [32, 48],
      ],
      getPrepare: [[16, 32]],
      repair: [
        [16, 32],
        [56, 60],
      ],
    };
    let tried = 0;
    for (const message of messages) {
      const { bytes, covered } = wire(message);
      const placed = message.type !== 'getPrepare' && message.type !== 'repair';
      const answers = message.type === 'ping' && message.answer !== null;
      const ranges = [
        [0, 1],
        ...(placed ? [[4, 12]] : []),
        ...used[message.type],
        ...(answers ? [[32, 48]] : []),
      ] as [number, number][];
      for (let bit = 0; bit < 8 * MESSAGE_FIXED_SIZE; bit++) {
        const byte = bit >>> 3;
        if (ranges.some(([from, to]) => byte >= from && byte < to)) continue;
        // What a tag may say beside what it says here.
        if (TAG_BITS[message.type]?.includes(bit)) continue;
        const set = Buffer.from(bytes);
        set[byte] = (set[byte] as number) ^ (1 << (bit & 7));
        const read = decodeMessage(set, covered, checksums);
        expect(read, `${message.type} bit ${bit}`).toMatchObject({
          ok: false,
          error: { code: 'corruptFrame' },
        });
        tried++;
      }
    }
    expect(tried).toBeGreaterThan(2_000);
  });

  it('bits of a vote above its last header are refused', () => {
    fc.assert(
      fc.property(fc.nat(HEADERS_MAX), fc.nat(63), fc.boolean(), (count, bit, nack) => {
        fc.pre(bit >= count);
        const headers = suffix.headers.slice(0, count);
        const none = headers.map(() => false);
        const vote = { type: 'doViewChange', ...viewed, logView: 3, ...suffix, headers } as const;
        const { bytes, covered } = wire({ ...vote, present: none, nack: none });
        expect(decodeMessage(bytes, covered, checksums).ok).toBe(true);
        const byte = 64 + (nack ? 8 : 0) + (bit >>> 3);
        bytes[byte] = (bytes[byte] as number) | (1 << (bit & 7));
        expect(decodeMessage(bytes, covered, checksums)).toMatchObject({ error: { code: 'corruptFrame' } });
      }),
    );
  });

  it('a damaged header or body in a message is refused', () => {
    for (const message of messages) {
      const { bytes, covered } = wire(message);
      for (let i = MESSAGE_FIXED_SIZE + 16; i < bytes.length; i += 53) {
        const damaged = Buffer.from(bytes);
        damaged[i] = (damaged[i] as number) ^ 1;
        expect(decodeMessage(damaged, covered, checksums).ok, `${message.type} byte ${i}`).toBe(false);
      }
    }
  });

  it('more headers than the pipeline allows are refused', () => {
    const { bytes, covered } = wire(messages[6] as Message);
    bytes.writeUInt32LE(HEADERS_MAX + 1, 56);
    expect(decodeMessage(bytes, covered, checksums).ok).toBe(false);
  });
});

describe('state record', () => {
  const record: StateRecord = {
    epoch: 1,
    view: 6,
    logView: 5,
    lossEpoch: 2,
    mark: true,
    verdict: 'recoveringHead',
    grant: { epoch: 2, view: 9, to: 1 },
    ...suffix,
    present: bits,
    nack: bits.map((bit) => !bit),
    faulty: bits.map((_, i) => i % 5 === 0),
  };

  it('survives the journal', () => {
    expect(decodeStateRecord(encodeStateRecord(record), checksums)).toEqual({ ok: true, value: record });
  });

  it('with a reserved flag, or bits above its last header, is refused', () => {
    for (const bit of [3, ...Array.from({ length: 26 }, (_, i) => i + 6)]) {
      const bytes = encodeStateRecord({ ...record, copied: true });
      const byte = 76 + (bit >>> 3);
      bytes[byte] = (bytes[byte] as number) | (1 << (bit & 7));
      expect(decodeStateRecord(bytes, checksums), `flag ${bit}`).toMatchObject({
        error: { code: 'corruptFrame' },
      });
    }
    for (let bit = HEADERS_MAX; bit < 64; bit++) {
      for (const start of [48, 56, 64]) {
        const bytes = encodeStateRecord(record);
        const byte = start + (bit >>> 3);
        bytes[byte] = (bytes[byte] as number) | (1 << (bit & 7));
        expect(decodeStateRecord(bytes, checksums), `bit ${bit}`).toMatchObject({
          error: { code: 'corruptFrame' },
        });
      }
    }
  });

  it('cut short, of another version, or with a damaged header is refused', () => {
    const bytes = encodeStateRecord(record);
    for (let length = 0; length < bytes.length; length += 41) {
      expect(decodeStateRecord(bytes.subarray(0, length), checksums).ok).toBe(false);
    }
    const newer = Buffer.from(bytes);
    newer.writeUInt32LE(3, 0);
    expect(decodeStateRecord(newer, checksums)).toMatchObject({ error: { code: 'unsupportedFormat' } });
    bytes[200] = (bytes[200] as number) ^ 1;
    expect(decodeStateRecord(bytes, checksums).ok).toBe(false);
  });
});
