import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { compressSync, uncompressSync } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { decodeBatch } from './batch-decoder.ts';
import { BATCH_HEADER_SIZE, BatchField, peekBatch, restampBatch, verifyBatch } from './batch-header.ts';
import { Codec } from './prepare.ts';
import { HeaderKind, type RecordInput } from './record.ts';

const checksums = { crc32 };
const lz4 = {
  compress: (bytes: Buffer) => compressSync(bytes),
  uncompress: (bytes: Buffer) => uncompressSync(bytes),
};
const runs = { seed: 1, numRuns: 300 };
const NOW = 1_700_000_000_000_000;
const stamp = { producerId: 7, producerEpoch: 3, sequence: 11 };

const content = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.string({ maxLength: 40 }),
  fc.uint8Array({ maxLength: 200 }),
  fc.uint8Array({ minLength: 120, maxLength: 300 }),
);
const header = fc.record({
  name: fc.string({ unit: 'grapheme', maxLength: 40 }),
  kind: fc.constantFrom(...Object.values(HeaderKind).filter((kind) => kind !== HeaderKind.null)),
  value: fc.uint8Array({ maxLength: 150 }),
});
const anyRecord: fc.Arbitrary<RecordInput> = fc.record(
  {
    key: fc.option(content),
    value: content,
    headers: fc.array(header, { maxLength: 4 }),
    timestamp: fc.oneof(
      fc.integer({ min: NOW - 1000, max: NOW + 1000 }),
      fc.integer({ min: 0, max: 2 ** 52 - 1 }),
    ),
    id: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  },
  { requiredKeys: ['value'] },
);
const someRecords = fc.array(anyRecord, { minLength: 1, maxLength: 20 });

function asBuffer(content: Uint8Array | string): Buffer {
  return typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
}

function build(records: readonly RecordInput[], codec: 0 | 1 = Codec.none, room = 0): Buffer {
  const builder = new BatchBuilder();
  for (const record of records) expect(builder.add(record, NOW)).toBeNull();
  return builder.finish({ ...stamp, codec, room }, { checksums, lz4 });
}

function expectRecords(batch: Buffer, records: readonly RecordInput[], tools = {}) {
  const read = decodeBatch(batch, 1000, { checksums, ...tools });
  if (!read.ok) throw new Error(`${read.error.code}: ${read.error.message}`);
  expect(read.value).toHaveLength(records.length);
  for (const [i, record] of records.entries()) {
    const got = read.value[i]!;
    expect(got.offset).toBe(1000 + i);
    expect(got.timestamp).toBe(record.timestamp ?? NOW);
    expect(got.value.equals(asBuffer(record.value))).toBe(true);
    expect(got.key === null).toBe((record.key ?? null) === null);
    if (got.key !== null) expect(got.key.equals(asBuffer(record.key!))).toBe(true);
    expect(got.id === null).toBe(record.id === undefined);
    if (got.id !== null) expect(got.id.equals(record.id!)).toBe(true);
    expect(got.headers.map(({ name, kind, value }) => [name, kind, [...value]])).toEqual(
      (record.headers ?? []).map(({ name, kind, value }) => [name, kind, [...value]]),
    );
  }
}

/** Makes the checksum right again, so that what is wrong inside is reached. */
function reseal(batch: Buffer): Buffer {
  batch.writeUInt32LE(batch.length, BatchField.size);
  batch.writeUInt32LE(crc32(batch.subarray(BatchField.size)), BatchField.checksum);
  return batch;
}

/** A batch with the given bytes as records, header and checksum right. */
function handmade(records: Buffer, count: number): Buffer {
  const batch = Buffer.concat([build([{ value: '' }]).subarray(0, BATCH_HEADER_SIZE), records]);
  batch.writeUInt32LE(count, BatchField.count);
  batch.writeUInt32LE(records.length, BatchField.unpackedSize);
  return reseal(batch);
}

const sample: readonly RecordInput[] = [
  { value: 'first', key: 'k', timestamp: NOW },
  {
    value: Buffer.alloc(200, 'x'),
    headers: [{ name: 'h', kind: HeaderKind.string, value: Buffer.from('v') }],
    timestamp: NOW + 5,
  },
  { value: '', id: Buffer.alloc(16, 7), timestamp: NOW - 5 },
];

describe('batch', () => {
  it('round-trips any records, unpacked and packed, with and without the library', () => {
    fc.assert(
      fc.property(someRecords, (records) => {
        expectRecords(build(records), records);
        const packed = build(records, Codec.lz4);
        expectRecords(packed, records);
        expectRecords(packed, records, { lz4 });
      }),
      runs,
    );
  });

  it('says in its header what is in it', () => {
    const read = peekBatch(build(sample));
    expect(read).toMatchObject({
      ok: true,
      value: { ...stamp, count: 3, codec: 0, baseTimestamp: NOW, maxTimestamp: NOW + 5, filterSize: 0 },
    });
  });

  it('leaves zeroed room in front, and is ready for the next batch', () => {
    const builder = new BatchBuilder();
    builder.add({ value: 'a' }, NOW);
    const first = builder.finish({ ...stamp, codec: 0, room: 192 }, { checksums });
    expect(first.subarray(0, 192).equals(Buffer.alloc(192))).toBe(true);
    expectRecords(first.subarray(192), [{ value: 'a' }]);
    expect(builder.count).toBe(0);
    expect(builder.size).toBe(BATCH_HEADER_SIZE);
    builder.add({ value: 'b' }, NOW);
    expectRecords(builder.finish({ ...stamp, codec: 0, room: 0 }, { checksums }), [{ value: 'b' }]);
    // What was handed out first is not written again.
    expectRecords(first.subarray(192), [{ value: 'a' }]);
  });

  it('round-trips strings whose length in bytes needs more room than their length in characters suggests', () => {
    for (const length of [
      10, 24, 25, 42, 43, 63, 64, 100, 127, 128, 5461, 5462, 8191, 8192, 16_383, 16_384,
    ]) {
      for (const text of [
        '注'.repeat(length),
        'ü'.repeat(length),
        `${'a'.repeat(length - 1)}ü`,
        'a'.repeat(length),
      ]) {
        const records = [
          {
            key: text,
            value: text,
            headers: [{ name: text, kind: HeaderKind.raw, value: Buffer.from('v') }],
          },
        ];
        expectRecords(build([...records, { value: 'behind' }]), [...records, { value: 'behind' }]);
      }
    }
  });

  it('announces its size before it is made', () => {
    const builder = new BatchBuilder();
    for (const record of sample) builder.add(record, NOW);
    const { size, count } = builder;
    expect(count).toBe(sample.length);
    expect(builder.finish({ ...stamp, codec: 0, room: 10 }, { checksums }).length).toBe(size + 10);
  });

  it('is packed only where that gains something, and the codec says so', () => {
    const noise = Buffer.from(Array.from({ length: 60 }, (_, i) => (i * 97 + 13) & 0xff));
    expect(peekBatch(build([{ value: noise }], Codec.lz4))).toMatchObject({ value: { codec: Codec.none } });
    const packed = build([{ value: Buffer.alloc(5000, 'a') }], Codec.lz4);
    expect(peekBatch(packed)).toMatchObject({ value: { codec: Codec.lz4 } });
    expect(packed.length).toBeLessThan(500);
  });

  it('finish without records is the caller’s mistake', () => {
    expect(() => new BatchBuilder().finish({ ...stamp, codec: 0, room: 0 }, { checksums })).toThrow(
      RangeError,
    );
  });

  it('takes another stamp without being encoded again', () => {
    const batch = build(sample);
    const other = { producerId: 2 ** 53 - 1, producerEpoch: 9, sequence: 2 ** 40 };
    restampBatch(batch, other, checksums);
    expect(peekBatch(batch)).toMatchObject({ ok: true, value: other });
    expectRecords(batch, sample);
  });

  it('may carry a filter, which is passed over', () => {
    const batch = build(sample);
    const filtered = Buffer.concat([
      batch.subarray(0, BATCH_HEADER_SIZE),
      Buffer.alloc(32, 0xaa),
      batch.subarray(BATCH_HEADER_SIZE),
    ]);
    filtered.writeUInt32LE(32, BatchField.filterSize);
    expectRecords(reseal(filtered), sample);
  });
});

describe('a damaged batch', () => {
  it('is refused at every truncation, with bytes behind it, and after every bit flip', () => {
    const batch = build(sample);
    for (let end = 0; end < batch.length; end++) {
      expect(decodeBatch(batch.subarray(0, end), 0, { checksums })).toMatchObject({
        error: { code: 'corruptBatch' },
      });
    }
    expect(decodeBatch(Buffer.concat([batch, Buffer.alloc(1)]), 0, { checksums })).toMatchObject({
      error: { code: 'corruptBatch' },
    });
    for (let bit = 0; bit < batch.length * 8; bit++) {
      batch[bit >> 3]! ^= 1 << (bit & 7);
      expect(decodeBatch(batch, 0, { checksums }).ok).toBe(false);
      batch[bit >> 3]! ^= 1 << (bit & 7);
    }
    expectRecords(batch, sample);
  });

  it('whose checksum is wrong is found by verifyBatch', () => {
    const batch = build(sample);
    const peeked = peekBatch(batch);
    if (!peeked.ok) throw new Error(peeked.error.message);
    expect(verifyBatch(batch, peeked.value, checksums)).toBeNull();
    batch[batch.length - 1]! ^= 1;
    expect(verifyBatch(batch, peeked.value, checksums)).toMatchObject({ code: 'corruptBatch' });
  });

  it.each([
    ['another version', (b: Buffer) => b.writeUInt8(2, BatchField.version), 'unsupportedFormat'],
    ['codec 2', (b: Buffer) => b.writeUInt8(2, BatchField.codec), 'unknownCodec'],
    ['a flag', (b: Buffer) => b.writeUInt8(1, BatchField.flags), 'corruptBatch'],
    ['a reserved byte', (b: Buffer) => b.writeUInt8(1, BatchField.reserved + 3), 'corruptBatch'],
    ['no records', (b: Buffer) => b.writeUInt32LE(0, BatchField.count), 'corruptBatch'],
    ['more records than fit', (b: Buffer) => b.writeUInt32LE(1000, BatchField.count), 'corruptBatch'],
    ['a record too many', (b: Buffer) => b.writeUInt32LE(4, BatchField.count), 'corruptRecord'],
    ['a record too few', (b: Buffer) => b.writeUInt32LE(2, BatchField.count), 'corruptRecord'],
    ['another unpacked size', (b: Buffer) => b.writeUInt32LE(500, BatchField.unpackedSize), 'corruptBatch'],
    [
      'a filter larger than the batch',
      (b: Buffer) => b.writeUInt32LE(100_000, BatchField.filterSize),
      'corruptBatch',
    ],
    [
      'a producer above 2^53-1',
      (b: Buffer) => b.writeUInt32LE(0x20_0000, BatchField.producerId + 4),
      'corruptBatch',
    ],
    [
      'a sequence above 2^53-1',
      (b: Buffer) => b.writeUInt32LE(0x20_0000, BatchField.sequence + 4),
      'corruptBatch',
    ],
    [
      'a timestamp above its maximum',
      (b: Buffer) => b.writeUInt32LE(0, BatchField.maxTimestamp),
      'corruptRecord',
    ],
    ['packed records without their size', (b: Buffer) => b.writeUInt8(1, BatchField.codec), 'corruptBatch'],
  ] as const)('with %s is refused under a right checksum', (_what, write, code) => {
    const batch = build(sample);
    write(batch);
    expect(decodeBatch(reseal(batch), 0, { checksums })).toMatchObject({ ok: false, error: { code } });
  });

  it.each([
    ['a length beyond the batch', '7f000000'],
    ['an empty record', '00000000'],
    ['a reserved attribute', '0408000001'],
    ['a long length', '8300000000'],
    ['no timestamp', '0100ffff'],
    ['a timestamp before 1970', `0a00${'ffffffffffffff0f'}00`],
    ['a value beyond the record', '03000005'],
    ['a key beyond the batch', '0402007f00'],
    ['an id cut short', '05010000000000'],
    ['headers without any', '0404000000'],
    ['headers beyond the batch', '0404000001'],
    ['a header of unknown kind', '080400000100100000'],
    ['a null header with a value', '0804000001000001aa'],
    ['bytes behind the value', '040000000a'],
  ])('with a record that has %s is corruptRecord', (_what, hex) => {
    const batch = handmade(Buffer.from(hex, 'hex'), 1);
    expect(decodeBatch(batch, 0, { checksums })).toMatchObject({
      ok: false,
      error: { code: 'corruptRecord' },
    });
  });

  it('whose records run into each other is corruptRecord, though the batch ends where it should', () => {
    const tooLong = Buffer.from('0400000003000000', 'hex');
    const tooShort = Buffer.from('0200000003000000', 'hex');
    const right = Buffer.from('0300000003000000', 'hex');
    expect(decodeBatch(handmade(right, 2), 0, { checksums }).ok).toBe(true);
    for (const records of [tooLong, tooShort]) {
      expect(decodeBatch(handmade(records, 2), 0, { checksums })).toMatchObject({
        error: { code: 'corruptRecord' },
      });
    }
  });

  it('survives random records under a right checksum', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 4, maxLength: 300 }),
        fc.integer({ min: 1, max: 60 }),
        (bytes, count) => {
          const read = decodeBatch(handmade(Buffer.from(bytes), count), 0, { checksums });
          if (!read.ok) expect(['corruptRecord', 'corruptBatch']).toContain(read.error.code);
        },
      ),
      { seed: 1, numRuns: 2000 },
    );
  });

  it('survives flipped bits in its records under a right checksum, unpacked and packed', () => {
    fc.assert(
      fc.property(
        someRecords,
        fc.constantFrom(Codec.none, Codec.lz4),
        fc.nat(),
        fc.boolean(),
        (records, codec, at, library) => {
          const batch = build(records, codec);
          const bit = at % ((batch.length - BATCH_HEADER_SIZE) * 8);
          batch[BATCH_HEADER_SIZE + (bit >> 3)]! ^= 1 << (bit & 7);
          const read = decodeBatch(reseal(batch), 0, library ? { checksums, lz4 } : { checksums });
          if (read.ok) return;
          expect(['corruptRecord', 'corruptBatch', 'corruptCompression']).toContain(read.error.code);
        },
      ),
      runs,
    );
  });

  it('that claims more than LZ4 can pack is refused before anything is unpacked', () => {
    const batch = build([{ value: Buffer.alloc(5000, 'a') }], Codec.lz4);
    batch.writeUInt32LE(1_000_000, BatchField.unpackedSize);
    batch.writeUInt32LE(1_000_000, BATCH_HEADER_SIZE);
    const uncompress = () => expect.fail('unpacked');
    expect(decodeBatch(reseal(batch), 0, { checksums, lz4: { ...lz4, uncompress } })).toMatchObject({
      error: { code: 'corruptBatch' },
    });
  });

  it('whose unpacked size lies is corruptCompression, whoever unpacks', () => {
    const batch = build([{ value: Buffer.alloc(5000, 'a') }], Codec.lz4);
    batch.writeUInt32LE(4000, BatchField.unpackedSize);
    batch.writeUInt32LE(4000, BATCH_HEADER_SIZE);
    reseal(batch);
    for (const tools of [
      { checksums },
      { checksums, lz4 },
      { checksums, lz4: { ...lz4, uncompress: () => Buffer.alloc(3) } },
    ]) {
      expect(decodeBatch(batch, 0, tools)).toMatchObject({ error: { code: 'corruptCompression' } });
    }
  });
});
