import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { mutants } from './index.ts';
import { replaceOnce } from './replace.ts';

const packages = fileURLToPath(new URL('../../../', import.meta.url));

describe('mutants', () => {
  it.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
    '%s still fits the source',
    (_name, mutant) => {
      for (const { package: owner, module, find, replace } of mutant.edits) {
        const source = readFileSync(`${packages}${owner}/src/${module}.ts`, 'utf8');
        expect(replaceOnce(source, find, replace, module)).not.toBe(source);
      }
    },
  );

  it('have names of their own, and a reason where an assertion may find them', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
    for (const { finders, assertionReason } of mutants) {
      expect(finders.length).toBeGreaterThan(0);
      expect(finders.includes('assertion')).toBe(assertionReason !== undefined);
    }
  });
});

describe('replaceOnce', () => {
  it('replaces a text that is there once', () => {
    expect(replaceOnce('a b c', 'b', '$&', 'x')).toBe('a $& c');
  });

  it('takes white space for white space, as the compiler breaks lines where it likes', () => {
    expect(replaceOnce('if (a)\n    return;', 'if (a) return;', 'b', 'x')).toBe('b');
  });

  it('refuses a text that is missing or ambiguous', () => {
    expect(() => replaceOnce('a', 'b', 'c', 'x')).toThrow('x does not contain: b');
    expect(() => replaceOnce('aba', 'a', 'c', 'x')).toThrow('x contains more than once: a');
  });
});
