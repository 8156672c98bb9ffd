import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodePayload, encodePayload } from './payload.ts';
import { PAYLOAD_DEPTH_MAX } from './payload-scan.ts';

const runs = { seed: 1, numRuns: 400 };

const anyPlain = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(null, true, false),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }),
    fc.string({ unit: 'grapheme', maxLength: 50 }),
    fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes)),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.dictionary(
      fc.string({ maxLength: 40 }).filter((key) => key !== '__proto__'),
      tie('value'),
      { maxKeys: 20 },
    ),
  ),
})).value;

/** A plain value with its −0 as 0 and maps without prototype, to compare. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null) {
    return new Map(Object.entries(value).map(([key, item]) => [key, plain(item)]));
  }
  return value === 0 ? 0 : value;
}

describe('payload', () => {
  it('round-trips plain data', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ minLength: 1, maxLength: 8 }).filter((k) => k !== '__proto__'),
          anyPlain,
        ),
        (value) => {
          const read = decodePayload(encodePayload(value));
          if (!read.ok) throw new Error(read.error.message);
          expect(plain(read.value)).toEqual(plain(value));
        },
      ),
      runs,
    );
  });

  it('leaves out what is undefined', () => {
    expect(encodePayload({ a: 1, b: undefined }).toString('hex')).toBe('81a16101');
  });

  it('is MessagePack without extensions, bytes as bin', () => {
    expect(encodePayload({ b: Buffer.from([1, 2]) }).toString('hex')).toBe('81a162c4020102');
    expect(encodePayload({ b: new Uint8Array([1, 2]) }).toString('hex')).toBe('81a162c4020102');
  });

  it('reads whole numbers in every width others may choose', () => {
    const widths: readonly [string, number][] = [
      ['cc07', 7],
      ['cd0007', 7],
      ['ce00000007', 7],
      ['cf0000000000000007', 7],
      ['cf001fffffffffffff', 2 ** 53 - 1],
      ['d0ff', -1],
      ['d1ffff', -1],
      ['d2ffffffff', -1],
      ['d3ffffffffffffffff', -1],
      ['cb401c000000000000', 7],
    ];
    for (const [hex, value] of widths)
      expect(decodePayload(Buffer.from(hex, 'hex'))).toEqual({ ok: true, value });
  });

  it.each([
    ['nothing', ''],
    ['an integer above 2^53-1', 'cf0020000000000000'],
    ['one far below', 'd38000000000000000'],
    ['a string beyond the bytes', 'daffff41'],
    ['bytes of 4 GiB', 'c6ffffffff00'],
    ['an array of 2^32 items', 'ddffffffff00'],
    ['a map of 2^32 items', 'dfffffffff00'],
    ['a length cut short', 'dd00'],
    ['a key that is a number', '810101'],
    ['a key that is a map', '818001'],
    ['a date (extension)', 'd6ff00000000'],
    ['msgpackr’s record extension', 'd4724191a161'],
    ['a typed array (extension)', 'c7027400'],
    ['the type that is never used', 'c1'],
    ['two values', '0101'],
  ])('refuses %s', (_what, hex) => {
    expect(decodePayload(Buffer.from(hex, 'hex'))).toMatchObject({
      ok: false,
      error: { code: 'corruptPayload' },
    });
  });

  it('is as deep as allowed, and not one deeper', () => {
    const nested = (depth: number) => Buffer.concat([Buffer.alloc(depth, 0x91), Buffer.of(0xc0)]);
    expect(decodePayload(nested(PAYLOAD_DEPTH_MAX)).ok).toBe(true);
    expect(decodePayload(nested(PAYLOAD_DEPTH_MAX + 1))).toMatchObject({ error: { code: 'corruptPayload' } });
    expect(decodePayload(nested(100_000))).toMatchObject({ error: { code: 'corruptPayload' } });
  });

  it('is as large as allowed, in bytes and in values, and no larger', () => {
    const bytes = encodePayload({ a: [1, 2, 3] });
    const limits = { bytesMax: bytes.length, valuesMax: 6 };
    expect(decodePayload(bytes, limits).ok).toBe(true);
    expect(decodePayload(bytes, { ...limits, bytesMax: bytes.length - 1 })).toMatchObject({
      error: { code: 'tooLarge' },
    });
    expect(decodePayload(bytes, { ...limits, valuesMax: 5 })).toMatchObject({ error: { code: 'tooLarge' } });
  });

  it('cannot touch the prototype of anything', () => {
    const read = decodePayload(Buffer.from('81a95f5f70726f746f5f5f81a76973526f677565c3', 'hex'));
    expect(read.ok).toBe(true);
    expect(Object.hasOwn(Object.prototype, 'isRogue')).toBe(false);
    if (read.ok) expect((read.value as { isRogue?: unknown }).isRogue).toBeUndefined();
  });

  it('survives every truncation, flipped bits and random bytes', () => {
    const bytes = encodePayload({ op: 'x', list: [1, 'two', { three: Buffer.alloc(3) }], n: 2 ** 40 });
    for (let end = 0; end < bytes.length; end++) {
      expect(decodePayload(bytes.subarray(0, end))).toMatchObject({ error: { code: 'corruptPayload' } });
    }
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      const read = decodePayload(flipped);
      if (!read.ok) expect(read.error.code).toBe('corruptPayload');
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (random) => {
        const read = decodePayload(Buffer.from(random));
        if (!read.ok) expect(['corruptPayload', 'tooLarge']).toContain(read.error.code);
      }),
      { seed: 1, numRuns: 3000 },
    );
    // What broken bytes left behind must not reach the next payload.
    expect(decodePayload(bytes)).toMatchObject({ ok: true, value: { op: 'x', n: 2 ** 40 } });
  });
});
