import { describe, expect, it } from 'vitest';
import { decodeSubscribe, encodeSubscribe, type Subscribe } from './subscribe.ts';
import { decodeSubscribed, encodeSubscribed, type Subscribed } from './subscription.ts';

describe('subscribe and subscribed', () => {
  const subscribe: Subscribe = {
    subscription: 4,
    from: { offset: 2 ** 40 },
    creditBytes: 1,
    creditRecords: 1,
    consistency: 'committed',
  };
  const subscribed: Subscribed = {
    start: 0,
    end: 9,
    lossEpoch: 0,
    op: 12,
    from: 3,
    node: 1,
    role: 'backup',
    view: 2,
    ageMs: 40,
  };

  it('round-trip from every position, with and without token and bound', () => {
    for (const from of [{ offset: 0 }, { start: true }, { end: true }, { last: 10 }] as const) {
      expect(decodeSubscribe(encodeSubscribe({ ...subscribe, from }))).toEqual({
        ok: true,
        value: { ...subscribe, from },
      });
    }
    const withToken = { ...subscribe, token: { lossEpoch: 1, op: 7 } };
    expect(decodeSubscribe(encodeSubscribe(withToken))).toEqual({ ok: true, value: withToken });
    const bounded = { ...withToken, maxStalenessMs: 2 ** 32 - 1, consistency: 'linearizable' as const };
    expect(decodeSubscribe(encodeSubscribe(bounded))).toEqual({ ok: true, value: bounded });
    expect(decodeSubscribed(encodeSubscribed(subscribed))).toEqual({ ok: true, value: subscribed });
  });

  it.each([
    ['bytes', { creditBytes: 0 }],
    ['records', { creditRecords: 0 }],
  ])('a subscribe without credit of %s is invalidRequest', (_what, change) => {
    expect(decodeSubscribe(encodeSubscribe({ ...subscribe, ...change }))).toMatchObject({
      error: { code: 'invalidRequest' },
    });
  });

  it.each([
    ['no position', 48, 0],
    ['an unknown position', 48, 5],
    ['the start, with an offset', 48, 2],
    ['the end, with an offset', 48, 3],
    ['an unknown flag', 49, 2],
    ['a lossEpoch without a token', 40, 1],
    ['an op without a token', 32, 1],
    ['no consistency', 50, 0],
    ['an unknown consistency', 50, 3],
    ['a reserved byte that is set', 51, 1],
    ['the last byte set', 63, 1],
    ['an offset beyond 2^53', 15, 1],
    ['credit beyond 2^53', 23, 1],
    ['a token beyond 2^53', 39, 1],
  ])('a subscribe with %s is corruptPayload', (_what, at, value) => {
    const bytes = encodeSubscribe({ ...subscribe, from: { offset: 3 } });
    bytes[at] = value;
    expect(decodeSubscribe(bytes)).toMatchObject({ error: { code: 'corruptPayload' } });
  });

  it('survive truncation and flipped bits', () => {
    for (const [bytes, decode] of [
      [encodeSubscribe(subscribe), decodeSubscribe],
      [encodeSubscribed(subscribed), decodeSubscribed],
    ] as const) {
      for (let end = 0; end < bytes.length; end++) expect(decode(bytes.subarray(0, end)).ok).toBe(false);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const flipped = Buffer.from(bytes);
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        const read = decode(flipped);
        if (!read.ok) expect(['corruptPayload', 'invalidRequest', 'tooLarge']).toContain(read.error.code);
      }
    }
  });
});
