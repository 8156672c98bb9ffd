import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { coverage } from '@vireo/simulator';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../architecture/workspaces.ts';
import { errata, reasons } from './errata.ts';
import { errataPage } from './errata-page.ts';

describe('docs/protocol/errata.md', () => {
  test('says what the list of errata and the coverage table of the simulator say', async () => {
    await expect(errataPage()).toMatchFileSnapshot(join(repositoryRoot, 'docs', 'protocol', 'errata.md'));
  });

  test('has E1 to E21, each with a row in the coverage table', () => {
    expect(Object.keys(errata)).toEqual(Array.from({ length: 21 }, (_, index) => `E${index + 1}`));
    for (const number of Object.keys(errata)) {
      expect(coverage.some(({ kind, name }) => kind === 'mutant' && name.startsWith(`${number} `))).toBe(
        true,
      );
    }
  });

  test('names files that exist', () => {
    const files = Object.values(errata).flatMap((erratum) => erratum.files);
    expect(files.filter((file) => !existsSync(join(repositoryRoot, 'packages', file)))).toEqual([]);
  });

  test('gives reasons for variants that the coverage table has', () => {
    const names = coverage.map(({ name }) => name);
    expect(Object.keys(reasons).filter((name) => !names.includes(name))).toEqual([]);
  });
});
