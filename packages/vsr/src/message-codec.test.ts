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
  { type: 'ping', ...viewed, op: 4, commitMax: 3, normal: true },
  { type: 'startViewChange', ...viewed },
  { type: 'doViewChange', ...viewed, logView: 3, ...suffix, present: bits, nack: bits.map((bit) => !bit) },
  { type: 'startView', ...viewed, nonce: 77, ...suffix },
  { type: 'requestStartView', ...viewed, nonce: 78 },
  { type: 'getPrepare', first: 3, last: 8 },
  { type: 'repair', first: 1, committed: 2, prepares: prepares.slice(0, 3) },
];

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
    ...suffix,
    present: bits,
    nack: bits.map((bit) => !bit),
  };

  it('survives the journal', () => {
    expect(decodeStateRecord(encodeStateRecord(record), checksums)).toEqual({ ok: true, value: record });
  });

  it('cut short, of another version, or with a damaged header is refused', () => {
    const bytes = encodeStateRecord(record);
    for (let length = 0; length < bytes.length; length += 41) {
      expect(decodeStateRecord(bytes.subarray(0, length), checksums).ok).toBe(false);
    }
    const newer = Buffer.from(bytes);
    newer.writeUInt32LE(2, 0);
    expect(decodeStateRecord(newer, checksums)).toMatchObject({ error: { code: 'unsupportedFormat' } });
    bytes[200] = (bytes[200] as number) ^ 1;
    expect(decodeStateRecord(bytes, checksums).ok).toBe(false);
  });
});
