import fc from 'fast-check';
import { compressSync, uncompressSync } from 'lz4-napi';
import { describe, expect, it } from 'vitest';
import { lz4DecodeBlock } from './lz4.ts';

const runs = { seed: 1, numRuns: 300 };

/** Data with repetitions of all distances and lengths, as records have them. */
const packable = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(fc.nat(255), fc.nat(700)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 60 }), fc.nat(30)).map(([unit, times]) => {
        return Buffer.concat(Array.from({ length: times }, () => unit));
      }),
    ),
    { maxLength: 20 },
  )
  .map((parts) => Buffer.concat(parts));

function pack(bytes: Buffer): Buffer {
  return compressSync(bytes).subarray(4);
}

/** The library's verdict on the same block: its bytes, or null. */
function byLibrary(block: Buffer, size: number): Buffer | null {
  const prefixed = Buffer.alloc(4 + block.length);
  prefixed.writeUInt32LE(size);
  block.copy(prefixed, 4);
  try {
    return uncompressSync(prefixed);
  } catch {
    return null;
  }
}

describe('lz4DecodeBlock', () => {
  it('unpacks what the library packs', () => {
    fc.assert(
      fc.property(packable, (bytes) => {
        const unpacked = lz4DecodeBlock(pack(bytes), bytes.length);
        expect(unpacked.ok && unpacked.value.equals(bytes)).toBe(true);
      }),
      runs,
    );
  });

  it('unpacks long runs, whose lengths take several bytes', () => {
    for (const length of [14, 15, 18, 19, 269, 270, 274, 275, 65_535, 65_536, 300_000]) {
      const bytes = Buffer.alloc(length, 'ab');
      const unpacked = lz4DecodeBlock(pack(bytes), length);
      expect(unpacked.ok && unpacked.value.equals(bytes)).toBe(true);
    }
  });

  it('refuses every truncation', () => {
    const bytes = Buffer.from('one two three four one two three four five six seven one two three');
    const block = pack(bytes);
    for (let end = 0; end < block.length; end++) {
      const cut = lz4DecodeBlock(block.subarray(0, end), bytes.length);
      expect(cut).toMatchObject({ ok: false, error: { code: 'corruptCompression' } });
    }
  });

  it.each([
    ['a match before the beginning', '10610200', 5],
    ['a match at distance 0', '10610000', 5],
    ['a match longer than announced', '10610100', 4],
    ['literals longer than announced', '306162630000', 2],
    ['a length that never ends', 'f0ffffff', 1000],
  ])('refuses %s', (_what, hex, size) => {
    expect(lz4DecodeBlock(Buffer.from(hex, 'hex'), size)).toMatchObject({
      ok: false,
      error: { code: 'corruptCompression' },
    });
  });

  it('refuses any size but the right one', () => {
    const bytes = Buffer.alloc(1000, 'abc');
    const block = pack(bytes);
    for (const size of [0, 1, 999, 1001, 65_536]) {
      expect(lz4DecodeBlock(block, size)).toMatchObject({ ok: false, error: { code: 'corruptCompression' } });
    }
  });

  it('agrees with the library about flipped bits: both refuse, or both unpack to the same', () => {
    fc.assert(
      fc.property(packable, fc.nat(), (bytes, at) => {
        const block = Buffer.from(pack(bytes));
        if (block.length === 0) return;
        const bit = at % (block.length * 8);
        block[bit >> 3]! ^= 1 << (bit & 7);
        const ours = lz4DecodeBlock(block, bytes.length);
        const theirs = byLibrary(block, bytes.length);
        if (ours.ok) expect(theirs !== null && ours.value.equals(theirs)).toBe(true);
        if (!ours.ok) expect(ours.error.code).toBe('corruptCompression');
        if (theirs !== null && theirs.length === bytes.length) expect(ours.ok).toBe(true);
      }),
      runs,
    );
  });

  it('survives random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(2000), (block, size) => {
        const unpacked = lz4DecodeBlock(Buffer.from(block), size);
        if (unpacked.ok) expect(unpacked.value.length).toBe(size);
        else expect(unpacked.error.code).toBe('corruptCompression');
      }),
      { seed: 1, numRuns: 2000 },
    );
  });
});
