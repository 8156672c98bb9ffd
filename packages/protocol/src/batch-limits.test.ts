import { crc32 } from 'node:zlib';
import { compressSync } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { BatchBuilder } from './batch-builder.ts';
import { decodeBatch } from './batch-decoder.ts';
import { BATCH_HEADER_SIZE, peekBatch } from './batch-header.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { Codec } from './prepare.ts';
import { HeaderKind, type RecordInput } from './record.ts';

const checksums = { crc32 };
const tools = { checksums };
const open: Limits = {
  ...defaultLimits,
  recordBytesMax: 2 ** 24,
  batchBytesMax: 2 ** 26,
  unpackedBytesMax: 2 ** 28,
};
const finish = { producerId: 1, producerEpoch: 0, sequence: 0, codec: Codec.none, room: 0 };

/** A batch made without regard to the limits of the one who reads it. */
function build(records: readonly RecordInput[], codec: 0 | 1 = Codec.none): Buffer {
  const builder = new BatchBuilder({ ...open, recordHeadersMax: 1024, recordHeaderBytesMax: 2 ** 20 });
  for (const record of records) expect(builder.add(record, 0)).toBeNull();
  return builder.finish(
    { ...finish, codec },
    { checksums, lz4: { compress: compressSync, uncompress: (bytes) => bytes } },
  );
}

function headers(count: number, valueSize = 0) {
  const value = Buffer.alloc(valueSize);
  return Array.from({ length: count }, (_, i) => ({
    name: `${i}`.padStart(4, '0'),
    kind: HeaderKind.raw,
    value,
  }));
}

/** Bytes around the value of a record without key: length 2, attributes, timestamp, length of the value 2. */
const AROUND = 6;

describe('limits of a batch, at and one over', () => {
  it('recordBytesMax, when added and when read', () => {
    const limits = { ...defaultLimits, recordBytesMax: 1024 };
    const most = { value: Buffer.alloc(1024 - AROUND) };
    const over = { value: Buffer.alloc(1024 - AROUND + 1) };
    const builder = new BatchBuilder(limits);
    expect(builder.add(most, 0)).toBeNull();
    expect(builder.add(over, 0)).toMatchObject({ code: 'recordTooLarge' });
    expect(builder.add({ value: 'x'.repeat(5000) }, 0)).toMatchObject({ code: 'recordTooLarge' });
    expect(builder.count).toBe(1);
    expect(decodeBatch(builder.finish(finish, tools), 0, { ...tools, limits }).ok).toBe(true);
    expect(decodeBatch(build([over]), 0, { ...tools, limits })).toMatchObject({
      error: { code: 'recordTooLarge' },
    });
  });

  it('batchBytesMax, when added and when read', () => {
    const limits = { ...defaultLimits, batchBytesMax: 4096, recordBytesMax: 16_384 };
    const rest = 4096 - BATCH_HEADER_SIZE - 1006;
    const builder = new BatchBuilder(limits);
    expect(builder.add({ value: Buffer.alloc(1000) }, 0)).toBeNull();
    // Belongs into the next batch; alone it fits.
    expect(builder.add({ value: Buffer.alloc(rest - AROUND + 1) }, 0)).toMatchObject({
      code: 'batchTooLarge',
    });
    expect(builder.add({ value: Buffer.alloc(rest - AROUND) }, 0)).toBeNull();
    expect(builder.size).toBe(4096);
    const batch = builder.finish(finish, tools);
    expect(peekBatch(batch, limits).ok).toBe(true);
    expect(peekBatch(batch, { ...limits, batchBytesMax: 4095 })).toMatchObject({
      error: { code: 'batchTooLarge' },
    });
    // A record that fits no batch at all is not sent round in circles.
    expect(builder.add({ value: Buffer.alloc(4096) }, 0)).toMatchObject({ code: 'recordTooLarge' });
  });

  it('unpackedBytesMax, when read', () => {
    const batch = build([{ value: Buffer.alloc(9994) }], Codec.lz4);
    expect(batch.length).toBeLessThan(1000);
    const limits = { ...defaultLimits, unpackedBytesMax: 10_000 };
    expect(decodeBatch(batch, 0, { ...tools, limits }).ok).toBe(true);
    expect(decodeBatch(batch, 0, { ...tools, limits: { ...limits, unpackedBytesMax: 9999 } })).toMatchObject({
      error: { code: 'batchTooLarge' },
    });
  });

  it('batchRecordsMax: 65,535 records, when added and when read', () => {
    const builder = new BatchBuilder();
    for (let i = 0; i < 65_535; i++) builder.add({ value: '' }, 0);
    expect(builder.count).toBe(65_535);
    expect(builder.add({ value: '' }, 0)).toMatchObject({ code: 'batchTooManyRecords' });
    const batch = builder.finish(finish, tools);
    expect(decodeBatch(batch, 0, tools)).toMatchObject({ ok: true, value: { length: 65_535 } });
    expect(peekBatch(batch, { ...defaultLimits, batchRecordsMax: 65_534 })).toMatchObject({
      error: { code: 'batchTooManyRecords' },
    });
  });

  it('recordHeadersMax: 64, when added and when read', () => {
    const builder = new BatchBuilder();
    expect(builder.add({ value: '', headers: headers(64) }, 0)).toBeNull();
    expect(builder.add({ value: '', headers: headers(65) }, 0)).toMatchObject({ code: 'recordTooLarge' });
    expect(decodeBatch(builder.finish(finish, tools), 0, tools).ok).toBe(true);
    expect(decodeBatch(build([{ value: '', headers: headers(65) }]), 0, tools)).toMatchObject({
      error: { code: 'corruptRecord' },
    });
  });

  it('recordHeaderBytesMax: 64 KiB, when added and when read', () => {
    // Count 1, name 1 + 4, kind 1, length of the value 3.
    const most = 65_536 - 10;
    const builder = new BatchBuilder();
    expect(builder.add({ value: '', headers: headers(1, most) }, 0)).toBeNull();
    expect(builder.add({ value: '', headers: headers(1, most + 1) }, 0)).toMatchObject({
      code: 'recordTooLarge',
    });
    expect(decodeBatch(builder.finish(finish, tools), 0, tools).ok).toBe(true);
    expect(decodeBatch(build([{ value: '', headers: headers(1, most + 1) }]), 0, tools)).toMatchObject({
      error: { code: 'corruptRecord' },
    });
  });
});

describe('a record that JavaScript lets through and the types do not', () => {
  const bytes = Buffer.from('x');
  it.each([
    ['no value', {}],
    ['a number as value', { value: 7 }],
    ['a number as key', { value: '', key: 7 }],
    ['a short id', { value: '', id: Buffer.alloc(15) }],
    ['a timestamp before 1970', { value: '', timestamp: -1 }],
    ['a fraction as timestamp', { value: '', timestamp: 1.5 }],
    ['a timestamp above 2^53-1', { value: '', timestamp: 2 ** 53 }],
    ['a header without name', { value: '', headers: [{ kind: 1, value: bytes }] }],
    ['a header of unknown kind', { value: '', headers: [{ name: '', kind: 16, value: bytes }] }],
    ['a header whose value is no bytes', { value: '', headers: [{ name: '', kind: 1, value: 'x' }] }],
    ['a null header with a value', { value: '', headers: [{ name: '', kind: 0, value: bytes }] }],
  ])('%s is invalidRecord and leaves the batch as it was', (_what, record) => {
    const builder = new BatchBuilder();
    builder.add({ value: 'before' }, 0);
    const size = builder.size;
    expect(builder.add(record as unknown as RecordInput, 0)).toMatchObject({ code: 'invalidRecord' });
    expect(builder.size).toBe(size);
    expect(builder.count).toBe(1);
  });

  it('timestamps further apart than 2^52 µs are invalidRecord', () => {
    const builder = new BatchBuilder();
    builder.add({ value: '', timestamp: 0 }, 0);
    expect(builder.add({ value: '', timestamp: 2 ** 52 - 1 }, 0)).toBeNull();
    expect(builder.add({ value: '', timestamp: 2 ** 52 }, 0)).toMatchObject({ code: 'invalidRecord' });
  });
});
