import { describe, expect, it } from 'vitest';
import { isErrorCode } from './errors.ts';
import { defaultLimits, LimitTable, limitsWith } from './limits.ts';

describe('limits', () => {
  it.each(Object.entries(LimitTable))(
    '%s: the default lies in its range and the error exists',
    (name, limit) => {
      expect(limit.default).toBeGreaterThanOrEqual(limit.min);
      expect(limit.default).toBeLessThanOrEqual(limit.max);
      expect(isErrorCode(limit.code)).toBe(true);
      expect(limit.about.length).toBeGreaterThan(0);
      expect(defaultLimits).toHaveProperty(name, limit.default);
    },
  );

  it.each(Object.entries(LimitTable))(
    '%s: accepted at both ends of its range, refused one beyond',
    (name, limit) => {
      for (const value of [limit.min, limit.max]) {
        expect(limitsWith({ [name]: value })).toMatchObject({ ok: true, value: { [name]: value } });
      }
      for (const value of [limit.min - 1, limit.max + 1, limit.min + 0.5, Number.NaN]) {
        expect(limitsWith({ [name]: value })).toMatchObject({
          ok: false,
          error: { code: 'limitOutOfRange' },
        });
      }
    },
  );

  it('refuses a name that is none', () => {
    expect(limitsWith({ recordBytes: 1 })).toMatchObject({ ok: false, error: { code: 'invalid' } });
    expect(limitsWith({ constructor: 1 })).toMatchObject({ ok: false, error: { code: 'invalid' } });
  });

  it('lets the largest batch travel: as a frame to the primary, and as a push with its prepare header', () => {
    expect(defaultLimits.frameBytesMax).toBeGreaterThan(2 * defaultLimits.batchBytesMax);
  });
});
