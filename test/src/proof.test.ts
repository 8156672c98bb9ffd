import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSources, repositoryRoot } from './architecture/workspaces.ts';
import { anchorsOf } from './docs/anchors.ts';
import { type Evidence, parseProofTable, readProofTable } from './proof/proof-table.ts';

/** What is wrong with a row's evidence; undefined when what it names is there. */
function problemOf(evidence: Evidence, root: string): string | undefined {
  switch (evidence.kind) {
    case 'open':
      return undefined;
    case 'test': {
      if (!existsSync(join(root, evidence.file))) return `no file ${evidence.file}`;
      // In the source a quote inside the name may be escaped.
      const source = readFileSync(join(root, evidence.file), 'utf8').replaceAll('\\', '');
      // A name may be a path of describes: each of its parts is a string of its own in the source.
      const missing = evidence.name.split(' > ').find((part) => !source.includes(part));
      return missing === undefined ? undefined : `no test '${missing}' in ${evidence.file}`;
    }
    case 'figure': {
      if (!existsSync(join(root, evidence.file))) return `no file ${evidence.file}`;
      const found = anchorsOf(readFileSync(join(root, evidence.file), 'utf8')).has(evidence.anchor);
      return found ? undefined : `no heading #${evidence.anchor} in ${evidence.file}`;
    }
    case 'simulator': {
      const found = readSources('packages/simulator').some(({ text }) => text.includes(evidence.name));
      return found ? undefined : `no checker or mutant '${evidence.name}' in packages/simulator`;
    }
  }
}

describe('docs/proof.md', () => {
  test('names only tests, checkers and figures that exist', () => {
    const rows = readProofTable(repositoryRoot);
    expect(rows.length).toBeGreaterThan(0);
    const problems = rows.flatMap(({ line, evidence }) =>
      evidence
        .map((item) => problemOf(item, repositoryRoot))
        .filter((problem) => problem !== undefined)
        .map((problem) => `docs/proof.md:${line}: ${problem}`),
    );
    expect(problems).toEqual([]);
  });

  test.each<[string, Evidence]>([
    ['a missing test file', { kind: 'test', file: 'test/src/gone.test.ts', name: 'x' }],
    ['a missing test', { kind: 'test', file: 'LICENSE', name: 'no test is called this' }],
    ['a missing report', { kind: 'figure', file: 'benchmarks/GONE.md', anchor: 'x' }],
    ['a missing heading', { kind: 'figure', file: 'docs/proof.md', anchor: 'no-such-heading' }],
    ['a missing checker', { kind: 'simulator', name: 'no checker is called this' }],
  ])('is refused for %s', (_what, evidence) => {
    expect(problemOf(evidence, repositoryRoot)).toBeDefined();
  });

  test('holds several kinds of evidence in one cell', () => {
    const text = [
      '| promise | where it comes from | shown by |',
      '| --- | --- | --- |',
      '| a | b | `test: a/b.test.ts > c > d`<br>`simulator: e`<br>`figure: f.md#g`<br>open |',
    ].join('\n');
    expect(parseProofTable(text)).toEqual([
      {
        line: 3,
        promise: 'a',
        origin: 'b',
        evidence: [
          { kind: 'test', file: 'a/b.test.ts', name: 'c > d' },
          { kind: 'simulator', name: 'e' },
          { kind: 'figure', file: 'f.md', anchor: 'g' },
          { kind: 'open' },
        ],
      },
    ]);
  });

  test.each([
    ['evidence of no known kind', '| a | b | trust |'],
    ['a test without a name', '| a | b | test: a.test.ts |'],
    ['a figure without an anchor', '| a | b | figure: a.md |'],
    ['an empty cell', '| a | b | |'],
  ])('is refused with %s', (_what, row) => {
    const head = '| promise | where it comes from | shown by |\n| --- | --- | --- |\n';
    expect(() => parseProofTable(head + row)).toThrow('docs/proof.md:3');
  });
});
