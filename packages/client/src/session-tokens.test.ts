import { VireoError } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksums } from './checksums.ts';
import { laterToken, SessionTokens } from './session-tokens.ts';

const cluster = '0123456789abcdef0123456789abcdef';

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (VireoError.is(error)) return error.code;
    throw error;
  }
  return 'none';
}

describe('a session token', () => {
  test('survives as text, for any number of partitions', () => {
    const entry = fc.tuple(fc.maxSafeNat(), fc.nat(2 ** 32 - 1), fc.maxSafeNat());
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), (entries) => {
        const tokens = new SessionTokens();
        for (const [group, lossEpoch, op] of entries) tokens.advance(group, { lossEpoch, op });
        const text = tokens.encode(cluster, checksums);
        expect(text).toMatch(/^[\w-]+$/);
        const back = SessionTokens.decode(text, cluster, checksums);
        for (const [group] of entries) expect(back.get(group)).toEqual(tokens.get(group));
      }),
    );
  });

  test('of another cluster, cut short, damaged, or no token at all is invalid', () => {
    const tokens = new SessionTokens();
    tokens.advance(7, { lossEpoch: 1, op: 9 });
    const text = tokens.encode(cluster, checksums);
    const decode = (damaged: string) => codeOf(() => SessionTokens.decode(damaged, cluster, checksums));
    expect(decode(text)).toBe('none');
    expect(codeOf(() => SessionTokens.decode(text, 'f'.repeat(32), checksums))).toBe('invalid');
    for (let end = 0; end < text.length - 1; end++) expect(decode(text.slice(0, end))).toBe('invalid');
    const bytes = Buffer.from(text, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      expect(decode(flipped.toString('base64url'))).toBe('invalid');
    }
    for (const other of ['', 'a token', '\u0000', 'A'.repeat(1_000_000)])
      expect(decode(other)).toBe('invalid');
  });

  test('holds 4,096 partitions, and says so where there are more', () => {
    const tokens = new SessionTokens();
    for (let group = 1; group <= 4_096; group++) tokens.advance(group, { lossEpoch: 0, op: group });
    const back = SessionTokens.decode(tokens.encode(cluster, checksums), cluster, checksums);
    expect(back.get(4_096)).toEqual({ lossEpoch: 0, op: 4_096 });
    tokens.advance(4_097, { lossEpoch: 0, op: 1 });
    expect(codeOf(() => tokens.encode(cluster, checksums))).toBe('limit');
  });

  test('goes up, and stays with the log that it is of', () => {
    const tokens = new SessionTokens();
    tokens.advance(1, { lossEpoch: 0, op: 5 });
    tokens.advance(1, { lossEpoch: 0, op: 3 });
    expect(tokens.get(1)).toEqual({ lossEpoch: 0, op: 5 });
    tokens.advance(1, { lossEpoch: 1, op: 9 });
    expect(tokens.get(1)).toEqual({ lossEpoch: 0, op: 5 });
    tokens.clear();
    tokens.advance(1, { lossEpoch: 1, op: 9 });
    expect(tokens.get(1)).toEqual({ lossEpoch: 1, op: 9 });
  });

  test('together with another one asks for all that both ask for', () => {
    const low = { lossEpoch: 0, op: 5 };
    const high = { lossEpoch: 0, op: 8 };
    const cut = { lossEpoch: 1, op: 2 };
    expect(laterToken(low, high)).toBe(high);
    expect(laterToken(high, low)).toBe(high);
    expect(laterToken(cut, low)).toBe(low);
    expect(laterToken(low, undefined)).toBe(low);
    expect(laterToken(undefined, undefined)).toBeUndefined();
    const tokens = new SessionTokens();
    tokens.advance(1, low);
    const other = new SessionTokens();
    other.advance(1, high);
    other.advance(2, cut);
    tokens.merge(other);
    expect([tokens.get(1), tokens.get(2)]).toEqual([high, cut]);
  });
});
