import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repositoryRoot } from '../architecture/workspaces.ts';
import { anchorsOf, withoutCode } from './anchors.ts';

/** Links of a page that lead nowhere. `read`: text of a file of the repository, null when there is none. */
function brokenLinks(page: string, text: string, read: (path: string) => string | null): string[] {
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? text : read(normalize(join(dirname(page), path)));
    return target === null || (anchor !== undefined && !anchorsOf(target).has(anchor));
  });
}

function readPage(path: string): string | null {
  const full = join(repositoryRoot, path);
  if (!existsSync(full)) return null;
  return path.endsWith('.md') ? readFileSync(full, 'utf8') : '';
}

const inDirectory = (directory: string) =>
  readdirSync(join(repositoryRoot, directory), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${directory}/${name}`);

const pages = [
  'README.md',
  ...inDirectory('docs'),
  ...readdirSync(join(repositoryRoot, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((path) => readPage(path) !== null),
];

describe('links of the documentation', () => {
  test.each(pages)('%s leads only to what is there', (page) => {
    expect(brokenLinks(page, readPage(page) ?? '', readPage)).toEqual([]);
  });

  test('one that leads nowhere is found: a file, an anchor, an anchor of the page itself', () => {
    const text =
      '# One\n[a](gone.md) [b](here.md#no) [c](#two) [d](#one) [e](here.md#yes-it-is) [f](https://x.y/z)';
    const read = (path: string) => (path === 'docs/here.md' ? '## Yes, it is' : null);
    expect(brokenLinks('docs/page.md', text, read)).toEqual(['gone.md', 'here.md#no', '#two']);
  });
});
