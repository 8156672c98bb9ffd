import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatNode } from './format.ts';
import { NODE_FILE, readNodeFile } from './node-file.ts';

let parent: string;
let directory: string;
const founders = [
  { id: 0, address: '127.0.0.1:7400', host: 'a' },
  { id: 1, address: '[::1]:7410', host: 'b' },
];

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'vireo-format-'));
  directory = join(parent, 'deep', 'node-0');
});

afterEach(() => rmSync(parent, { recursive: true }));

function rewrite(change: (value: Record<string, unknown>) => unknown): void {
  const path = join(directory, NODE_FILE);
  writeFileSync(
    path,
    JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>)),
  );
}

describe('formatting a data directory', () => {
  test('makes it, and what it writes reads back', () => {
    const made = formatNode({ directory, cluster: 'c', node: 1, founders });
    expect(readNodeFile(directory)).toEqual(made);
    expect(made).toMatchObject({ format: 1, cluster: 'c', node: 1, founders });
    expect(readdirSync(directory)).toEqual([NODE_FILE]);
  });

  test('draws another incarnation each time', () => {
    const first = formatNode({ directory, cluster: 'c', node: 0, founders });
    const second = formatNode({ directory: join(parent, 'other'), cluster: 'c', node: 0, founders });
    expect(first.incarnation).toMatch(/^[0-9a-f]{32}$/);
    expect(second.incarnation).not.toBe(first.incarnation);
  });

  test('refuses a place that takes no directories, instead of trying for ever', () => {
    // ENOENT below a directory that exists: on Node 20 a recursive mkdir does not return from that.
    expect(() => formatNode({ directory: '/proc/vireo/node-0', cluster: 'c', node: 0, founders })).toThrow(
      expect.objectContaining({ code: 'diskFailed' }),
    );
    writeFileSync(join(parent, 'file'), '');
    for (const path of ['file', 'file/node-0']) {
      expect(() => formatNode({ directory: join(parent, path), cluster: 'c', node: 0, founders })).toThrow(
        expect.objectContaining({ code: 'diskFailed' }),
      );
    }
  });

  test('refuses a directory that holds anything, and leaves it alone', () => {
    formatNode({ directory, cluster: 'c', node: 0, founders });
    const before = readFileSync(join(directory, NODE_FILE), 'utf8');
    expect(() => formatNode({ directory, cluster: 'c', node: 0, founders })).toThrow(
      expect.objectContaining({ code: 'directoryNotEmpty', message: expect.stringContaining(NODE_FILE) }),
    );
    expect(readFileSync(join(directory, NODE_FILE), 'utf8')).toBe(before);
  });

  test.each([
    ['a node that is no founder', { node: 7 }, 'lack the node itself'],
    ['a founder named twice', { founders: [founders[0]!, founders[0]!] }, 'twice'],
    ['an address without a port', { founders: [{ id: 0, address: 'here', host: 'a' }] }, 'host:port'],
    ['a cluster name with a slash', { cluster: 'a/b' }, 'name'],
  ])('refuses %s', (_what, change, says) => {
    expect(() => formatNode({ directory, cluster: 'c', node: 0, founders, ...change })).toThrow(
      expect.objectContaining({ code: 'invalidConfig', message: expect.stringContaining(says) }),
    );
  });
});

describe('reading node.json', () => {
  test('an empty directory names the command that makes one', () => {
    expect(() => readNodeFile(parent)).toThrow(
      expect.objectContaining({
        code: 'notFormatted',
        message: expect.stringContaining('vireo node format'),
      }),
    );
  });

  test('a newer format says so, whatever else the file holds', () => {
    formatNode({ directory, cluster: 'c', node: 0, founders });
    rewrite(() => ({ format: 2, anything: true }));
    expect(() => readNodeFile(directory)).toThrow(expect.objectContaining({ code: 'unsupportedFormat' }));
  });

  test.each([
    ['no object', () => 7],
    [
      'a missing incarnation',
      ({ incarnation, ...rest }: Record<string, unknown>) => ({ ...rest, was: incarnation }),
    ],
    ['a format that is no number', (value: Record<string, unknown>) => ({ ...value, format: 'x' })],
  ])('%s is corruptState, never absent', (_what, change) => {
    formatNode({ directory, cluster: 'c', node: 0, founders });
    rewrite(change);
    expect(() => readNodeFile(directory)).toThrow(expect.objectContaining({ code: 'corruptState' }));
  });

  test('a file that can not be read is diskFailed, never absent', () => {
    formatNode({ directory, cluster: 'c', node: 0, founders });
    // A file where a directory is expected: ENOTDIR.
    expect(() => readNodeFile(join(directory, NODE_FILE))).toThrow(
      expect.objectContaining({ code: 'diskFailed' }),
    );
  });
});
