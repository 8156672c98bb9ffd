import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findImportViolations } from './import-rules.ts';
import { readSources, repositoryRoot, startedNotImported, workspaces } from './workspaces.ts';

const present = Object.entries(workspaces).filter(([, { directory }]) =>
  existsSync(join(repositoryRoot, directory, 'package.json')),
);

/** Directories that a project's tsconfig.json references. */
function referencesOf(directory: string): string[] {
  const text = readFileSync(join(repositoryRoot, directory, 'tsconfig.json'), 'utf8');
  const { references = [] } = JSON.parse(text) as { references?: { path: string }[] };
  return references.map(({ path }) => join(directory, path));
}

describe('packages import only what the architecture allows', () => {
  test('every workspace has its line in the table of arrows and in the build', () => {
    const directories = ['packages', 'apps']
      .flatMap((group) => readdirSync(join(repositoryRoot, group)).map((name) => `${group}/${name}`))
      .filter((directory) => existsSync(join(repositoryRoot, directory, 'package.json')));
    const known = Object.values(workspaces).map(({ directory }) => directory);
    expect(known).toEqual(expect.arrayContaining(directories));
    const all = present.map(([, { directory }]) => directory);
    expect(referencesOf('.').toSorted()).toEqual(all.toSorted());
  });

  for (const [name, { directory, mayImport }] of present) {
    test(`${name} imports along its arrows and never inside another package`, () => {
      const sources = readSources(directory);
      expect(sources.length).toBeGreaterThan(0);
      expect(sources.flatMap((file) => findImportViolations(name, file))).toEqual([]);
    });

    test(`${name} depends in package.json on no more than its arrows, and is built after those`, () => {
      const manifest: unknown = JSON.parse(
        readFileSync(join(repositoryRoot, directory, 'package.json'), 'utf8'),
      );
      const { dependencies = {}, devDependencies = {} } = manifest as Record<string, Record<string, string>>;
      const depends = Object.keys({ ...dependencies, ...devDependencies })
        .filter((dependency) => dependency.startsWith('@vireo/'))
        .map((dependency) => dependency.slice('@vireo/'.length));
      const allowed = mayImport.includes('*') ? Object.keys(workspaces) : mayImport;
      const started = startedNotImported[name] ?? [];
      expect([...allowed, ...started]).toEqual(expect.arrayContaining(depends));

      // A missing reference builds in the wrong order, and only sometimes.
      const references = referencesOf(directory);
      const needed = depends.map((dependency) => workspaces[dependency]?.directory ?? dependency);
      expect(references.toSorted()).toEqual(needed.toSorted());
    });
  }
});

const refused: readonly (readonly [importer: string, example: string, problem: string])[] = [
  ['protocol', "import { Replica } from '@vireo/vsr';", 'protocol may not import @vireo/vsr'],
  ['vsr', "import type { Journal } from '@vireo/storage';", 'vsr may not import @vireo/storage'],
  ['storage', "export { Replica } from '@vireo/vsr';", 'storage may not import @vireo/vsr'],
  ['broker', "export * from '@vireo/node';", 'broker may not import @vireo/node'],
  ['client', "const b = import('@vireo/broker');", 'client may not import @vireo/broker'],
  ['cli', "import { main } from '@vireo/server';", 'cli may not import @vireo/server'],
  ['server', "type B = import('@vireo/broker').Broker;", 'server may not import @vireo/broker'],
  ['test', "import { x } from '@vireo/unheard-of';", 'test may not import @vireo/unheard-of'],
  ['broker', "import { x } from '@vireo/vsr/dist/replica.js';", "'@vireo/vsr/dist/replica.js' reaches into"],
  ['test', "import { x } from '@vireo/vsr/src/replica.ts';", "'@vireo/vsr/src/replica.ts' reaches into"],
  [
    'broker',
    "import { x } from '../../vsr/src/replica.ts';",
    "'../../vsr/src/replica.ts' leaves the package",
  ],
  ['broker', "import { x } from '../dist/index.js';", "'../dist/index.js' leaves the package"],
];

describe('each import rule refuses its bad example', () => {
  test.each(refused)('%s: %s', (importer, example, problem) => {
    const path = `${workspaces[importer]?.directory}/src/bad.ts`;
    expect(findImportViolations(importer, { path, text: `\n${example}\n` })).toEqual([
      expect.stringContaining(`${path}:2 ${problem}`),
    ]);
  });
});

test('the import rules let allowed imports pass', () => {
  const text =
    "import { a } from '@vireo/protocol';\nimport { b } from '../limits.ts';\nimport { z } from 'zod';";
  expect(findImportViolations('broker', { path: 'packages/broker/src/topic/good.ts', text })).toEqual([]);
});
