import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ErrorCode, ErrorCodes, LimitTable } from '@vireo/protocol';
import { settingsSchema } from '@vireo/server';
import { describe, expect, test } from 'vitest';
import { readSources, repositoryRoot, workspaces } from '../architecture/workspaces.ts';
import { configurationPage } from './configuration-page.ts';
import { reservedCodes } from './error-advice.ts';
import { errorsPage } from './errors-page.ts';
import { limitRemarks, settingTexts } from './setting-texts.ts';

const docs = join(repositoryRoot, 'docs');

describe('docs/errors.md', () => {
  test('says what the error table says', async () => {
    await expect(errorsPage()).toMatchFileSnapshot(join(docs, 'errors.md'));
  });

  test('has an anchor for every code', () => {
    const headings = readFileSync(join(docs, 'errors.md'), 'utf8').match(/^### \w+$/gm);
    expect(headings).toEqual(Object.keys(ErrorCodes).map((code) => `### ${code}`));
  });

  test('marks as reserved exactly what nothing raises', () => {
    const parts = ['protocol', 'vsr', 'storage', 'broker', 'node', 'client'];
    const sources = parts
      .flatMap((part) => readSources(workspaces[part]?.directory ?? part))
      .filter(({ path }) => !/\.test\.ts$|\/testing\/|protocol\/src\/errors\.ts$/.test(path))
      // What is compared with a code, or listed, does not raise it.
      .map(({ text }) => text.replace(/new Set(<\w+>)?\(\[[^\]]*\]\)|[!=]== '\w+'|case '\w+':/g, ''));
    const raised = (Object.keys(ErrorCodes) as ErrorCode[]).filter((code) =>
      sources.some((text) => text.includes(`'${code}'`)),
    );
    expect(raised.filter((code) => reservedCodes.has(code))).toEqual([]);
    const silent = Object.keys(ErrorCodes).filter((code) => !raised.includes(code as ErrorCode));
    expect(silent).toEqual(Object.keys(ErrorCodes).filter((code) => reservedCodes.has(code as ErrorCode)));
  });
});

describe('docs/configuration.md', () => {
  test('says what the settings schema and the table of limits say', async () => {
    await expect(configurationPage()).toMatchFileSnapshot(join(docs, 'configuration.md'));
  });

  test('tells the defaults that the schema fills in', () => {
    const { limits, ...settings } = settingsSchema.parse({ data: 'somewhere' });
    expect(limits).toEqual({});
    for (const [name, value] of Object.entries(settings)) {
      if (name === 'data') continue;
      expect(settingTexts[name as keyof typeof settingTexts]?.[0].replaceAll('`', ''), name).toBe(
        String(value),
      );
    }
  });

  test('has remarks on limits that exist', () => {
    expect(Object.keys(LimitTable)).toEqual(expect.arrayContaining(Object.keys(limitRemarks)));
  });

  test('has every setting in its table', () => {
    const page = readFileSync(join(docs, 'configuration.md'), 'utf8');
    const rows = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    const settings = Object.keys(settingsSchema.shape).filter((name) => name !== 'limits');
    expect(rows).toEqual([...settings, ...Object.keys(LimitTable)]);
  });
});
