import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { validateName } from './names.ts';

describe('validateName', () => {
  it.each(['a', 'orders', 'Städte', '注文', 'a b', 'x.y-z_1', '👩‍👩‍👧'])('accepts %j', (name) => {
    expect(validateName(name)).toBeNull();
  });

  it.each([
    ['an empty one', ''],
    ['a slash', 'a/b'],
    ['a line break', 'a\nb'],
    ['NUL', 'a\u0000'],
    ['DEL', 'a\u007f'],
    ['a C1 control', 'a\u0085'],
    ['decomposed letters', 'Sta\u0308dte'],
    ['a lone surrogate', 'a\ud800'],
    ['a number', 7],
    ['nothing', undefined],
  ])('refuses %s', (_what, name) => {
    expect(validateName(name)).toMatchObject({ code: 'invalidName' });
  });

  it('counts bytes of UTF-8, not characters: 255 pass, 256 do not', () => {
    expect(validateName('a'.repeat(255))).toBeNull();
    expect(validateName('a'.repeat(256))).toMatchObject({ code: 'invalidName' });
    expect(validateName('ü'.repeat(127))).toBeNull();
    expect(validateName('ü'.repeat(128))).toMatchObject({ code: 'invalidName' });
  });

  it('never throws, and what it accepts survives UTF-8', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.anything()), (value) => {
        if (validateName(value) !== null) return;
        const name = value as string;
        expect(Buffer.from(name, 'utf8').toString('utf8')).toBe(name);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });
});
