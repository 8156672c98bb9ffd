import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isZero, readU64, U64_MAX, writeU64 } from './integers.ts';

describe('u64', () => {
  it('is written as a little-endian u64 and read back', () => {
    fc.assert(
      fc.property(fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, U64_MAX)), (value) => {
        const bytes = Buffer.alloc(8);
        writeU64(bytes, value, 0);
        expect(bytes.readBigUInt64LE(0)).toBe(BigInt(value));
        expect(readU64(bytes, 0)).toBe(value);
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('is -1 when larger than 2^53-1', () => {
    for (const value of [2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const bytes = Buffer.alloc(8);
      bytes.writeBigUInt64LE(value);
      expect(readU64(bytes, 0)).toBe(-1);
    }
  });
});

describe('isZero', () => {
  it('looks at exactly its range', () => {
    const bytes = Buffer.from([1, 0, 0, 1]);
    expect(isZero(bytes, 1, 3)).toBe(true);
    expect(isZero(bytes, 0, 3)).toBe(false);
    expect(isZero(bytes, 1, 4)).toBe(false);
  });
});
