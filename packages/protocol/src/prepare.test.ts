import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Checksums, isChecksum, writeChecksum, ZERO_CHECKSUM } from './checksums.ts';
import {
  decodePrepare,
  decodePrepareHeader,
  PREPARE_HEADER_SIZE,
  type PrepareFields,
  PrepareKind,
  peekPrepareHeader,
  prepareBody,
  sealPrepare,
} from './prepare.ts';

const checksums: Checksums = {
  crc32,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};
const runs = { seed: 1, numRuns: 200 };

const u32 = fc.nat(0xffff_ffff);
const anyFields: fc.Arbitrary<PrepareFields> = fc
  .record({
    group: fc.maxSafeNat(),
    op: fc.maxSafeNat(),
    view: u32,
    epoch: u32,
    parent: fc
      .uint8Array({ minLength: 16, maxLength: 16 })
      .map((bytes) => Buffer.from(bytes).toString('hex')),
    kind: fc.constantFrom(...Object.values(PrepareKind)),
    timestamp: fc.maxSafeNat(),
    baseOffset: fc.maxSafeNat(),
    count: u32,
    producerId: fc.maxSafeNat(),
    producerEpoch: u32,
    sequence: fc.maxSafeNat(),
    codec: fc.constantFrom(0, 1),
  })
  .map((fields) => (fields.kind === PrepareKind.batch ? fields : { ...fields, count: 0 }));

const sample: PrepareFields = {
  group: 3,
  op: 17,
  view: 2,
  epoch: 1,
  parent: ZERO_CHECKSUM,
  kind: PrepareKind.batch,
  timestamp: 1_700_000_000_000_000,
  baseOffset: 1000,
  count: 5,
  producerId: 9,
  producerEpoch: 1,
  sequence: 4,
  codec: 0,
};

function seal(fields: PrepareFields, body: Uint8Array) {
  return sealPrepare(Buffer.concat([Buffer.alloc(PREPARE_HEADER_SIZE, 0xee), body]), fields, checksums);
}

/** Breaks a header and makes its checksum right again: what remains is what the decoder must find by itself. */
function forge(write: (header: Buffer) => void): Buffer {
  const { bytes } = seal(sample, Buffer.from('body'));
  write(bytes);
  writeChecksum(bytes, checksums.identity(bytes.subarray(16, PREPARE_HEADER_SIZE)), 0);
  return bytes;
}

describe('prepare', () => {
  it('round-trips every field and the body', () => {
    fc.assert(
      fc.property(
        anyFields,
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ maxLength: 20 }),
        (fields, body, behind) => {
          const sealed = seal(fields, body);
          const read = decodePrepare(Buffer.concat([sealed.bytes, behind]), checksums, true);
          expect(read.ok).toBe(true);
          if (!read.ok) return;
          const { header } = read.value;
          for (const [name, value] of Object.entries(fields)) expect(header).toHaveProperty(name, value);
          expect(header.size).toBe(PREPARE_HEADER_SIZE + body.length);
          expect(header.checksum).toBe(sealed.header.checksum);
          expect(isChecksum(header.checksum)).toBe(true);
          expect(header.checksumBody).toBe(checksums.identity(body));
          expect(prepareBody(read.value).equals(body)).toBe(true);
          expect(read.value.bytes.equals(sealed.bytes)).toBe(true);
        },
      ),
      runs,
    );
  });

  it('is sealed in place', () => {
    const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + 4, 1);
    const prepare = sealPrepare(bytes, sample, checksums);
    expect(prepare.bytes).toBe(bytes);
    expect(prepare.header.bytes.buffer).toBe(bytes.buffer);
    expect(prepareBody(prepare).equals(Buffer.alloc(4, 1))).toBe(true);
  });

  it('has its fields where the format says', () => {
    const { bytes } = seal(sample, Buffer.from('xy'));
    expect(bytes.readBigUInt64LE(48)).toBe(3n);
    expect(bytes.readBigUInt64LE(56)).toBe(17n);
    expect(bytes.readBigUInt64LE(64)).toBe(1000n);
    expect(bytes.readBigUInt64LE(72)).toBe(1_700_000_000_000_000n);
    expect(bytes.readBigUInt64LE(80)).toBe(9n);
    expect(bytes.readBigUInt64LE(88)).toBe(4n);
    expect([96, 100, 104, 108, 112].map((at) => bytes.readUInt32LE(at))).toEqual([1, 2, 5, 1, 130]);
    expect([...bytes.subarray(116, 128)]).toEqual([1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(bytes.toString('hex', 16, 32)).toBe(checksums.identity(Buffer.from('xy')));
  });

  it('is refused at every truncation', () => {
    const { bytes } = seal(sample, Buffer.from('some body'));
    for (let end = 0; end < bytes.length; end++) {
      const cut = bytes.subarray(0, end);
      expect(decodePrepare(cut, checksums, true)).toMatchObject({
        ok: false,
        error: { code: 'corruptPrepare' },
      });
      expect(decodePrepareHeader(cut, checksums).ok).toBe(end >= PREPARE_HEADER_SIZE);
    }
  });

  it('is refused after every bit flip, in header and body', () => {
    const { bytes } = seal(sample, Buffer.from('some body'));
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const read = decodePrepare(bytes, checksums, true);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(read.ok).toBe(false);
    }
    expect(decodePrepare(bytes, checksums, true).ok).toBe(true);
  });

  it('leaves the body unhashed when asked to', () => {
    const { bytes } = seal(sample, Buffer.from('some body'));
    bytes[PREPARE_HEADER_SIZE]! ^= 1;
    expect(decodePrepare(bytes, checksums, false).ok).toBe(true);
    expect(decodePrepare(bytes, checksums, true)).toMatchObject({ error: { code: 'corruptPrepare' } });
  });

  it.each([
    ['a reserved byte', (h: Buffer) => h.writeUInt8(1, 127), 'corruptPrepare'],
    ['a flag', (h: Buffer) => h.writeUInt8(1, 118), 'corruptPrepare'],
    ['another version', (h: Buffer) => h.writeUInt8(2, 117), 'unsupportedFormat'],
    ['kind 0', (h: Buffer) => h.writeUInt8(0, 116), 'unknownKind'],
    ['kind 11', (h: Buffer) => h.writeUInt8(11, 116), 'unknownKind'],
    ['codec 2', (h: Buffer) => h.writeUInt8(2, 119), 'unknownCodec'],
    ['a size below the header', (h: Buffer) => h.writeUInt32LE(127, 112), 'corruptPrepare'],
    ['a count on a noop', (h: Buffer) => h.writeUInt8(PrepareKind.noop, 116), 'corruptPrepare'],
    ...[48, 56, 64, 72, 80, 88].map(
      (at) =>
        [
          `a u64 above 2^53-1 at ${at}`,
          (h: Buffer) => h.writeUInt32LE(0x20_0000, at + 4),
          'corruptPrepare',
        ] as const,
    ),
  ] as const)('refuses %s under a right checksum', (_what, write, code) => {
    const bytes = forge((header) => void write(header));
    expect(decodePrepareHeader(bytes, checksums)).toMatchObject({ ok: false, error: { code } });
    expect(peekPrepareHeader(bytes)).toMatchObject({ ok: false, error: { code } });
  });

  it('survives random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(decodePrepare(Buffer.from(bytes), checksums, true).ok).toBe(false);
      }),
      runs,
    );
  });
});

describe('isChecksum', () => {
  it('wants 32 lower-case hex digits', () => {
    expect(isChecksum(ZERO_CHECKSUM)).toBe(true);
    for (const value of [ZERO_CHECKSUM.slice(1), `${ZERO_CHECKSUM}0`, 'A'.repeat(32), 7, null]) {
      expect(isChecksum(value)).toBe(false);
    }
  });
});
