import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cursor, unzigzag, varintSize, writeVarint, ZIGZAG_LIMIT, zigzag } from './varint.ts';

const runs = { seed: 1, numRuns: 500 };
const BOUNDARIES = [
  0,
  1,
  127,
  128,
  16_383,
  16_384,
  2 ** 21,
  2 ** 28,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32,
  2 ** 49,
  2 ** 53 - 1,
];

function encode(value: number): Buffer {
  const bytes = Buffer.alloc(16);
  return bytes.subarray(0, writeVarint(bytes, value, 0));
}

describe('varint', () => {
  it('round-trips every value, in the size announced', () => {
    const anyValue = fc.oneof(fc.constantFrom(...BOUNDARIES), fc.maxSafeNat());
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(value);
        const cursor = new Cursor(bytes, 0, bytes.length);
        expect(bytes.length).toBe(varintSize(value));
        expect(cursor.varint()).toBe(value);
        expect(cursor.position).toBe(bytes.length);
      }),
      runs,
    );
  });

  it('is refused at every truncation', () => {
    for (const value of BOUNDARIES) {
      const bytes = encode(value);
      for (let end = 0; end < bytes.length; end++) expect(new Cursor(bytes, 0, end).varint()).toBe(-1);
    }
  });

  it('is refused in any but its shortest form, and above 2^53-1', () => {
    for (const hex of ['8000', 'ff8000', 'ffffffffffffff10', 'ffffffffffffffff01', 'ffffffffffffffffffff']) {
      const bytes = Buffer.from(hex, 'hex');
      expect(new Cursor(bytes, 0, bytes.length).varint()).toBe(-1);
    }
    expect(new Cursor(Buffer.from('ffffffffffffff0f', 'hex'), 0, 8).varint()).toBe(2 ** 53 - 1);
  });
});

describe('zigzag', () => {
  it('round-trips all it is allowed to carry', () => {
    const limit = ZIGZAG_LIMIT - 1;
    fc.assert(
      fc.property(
        fc.oneof(
          fc.maxSafeInteger().filter((n) => Math.abs(n) <= limit),
          fc.constantFrom(limit, -limit),
        ),
        (value) => {
          expect(Number.isSafeInteger(zigzag(value))).toBe(true);
          expect(unzigzag(zigzag(value)) + 0).toBe(value + 0);
        },
      ),
      runs,
    );
  });

  it('maps small numbers of either sign to small ones', () => {
    expect([0, -1, 1, -2, 2].map(zigzag)).toEqual([0, 1, 2, 3, 4]);
  });
});

describe('Cursor.skip', () => {
  it('never passes the end', () => {
    const cursor = new Cursor(Buffer.alloc(10), 2, 6);
    expect(cursor.skip(5)).toBe(-1);
    expect(cursor.skip(4)).toBe(2);
    expect(cursor.skip(0)).toBe(6);
    expect(cursor.skip(1)).toBe(-1);
  });
});
