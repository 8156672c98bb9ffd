import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readSources, repositoryRoot, workspaces } from './workspaces.ts';

/** One concept a file: what grows beyond this has become two. */
const LINES_MAX = 400;

test('no source file has more than 400 lines', () => {
  const directories = Object.values(workspaces)
    .map(({ directory }) => directory)
    .filter((directory) => existsSync(join(repositoryRoot, directory)));
  const sources = directories.flatMap((directory) => readSources(directory));
  expect(sources.length).toBeGreaterThan(100);
  const long = sources
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > LINES_MAX);
  expect(long).toEqual([]);
});
