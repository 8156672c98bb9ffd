import { mkdtempSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readNodeFile } from '@vireo/node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runFormat } from './format-command.ts';

let directory: string;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'vireo-format-')), 'node');
});
afterEach(() => rmSync(join(directory, '..'), { recursive: true }));

test('--format makes the data directory of one founder', () => {
  const founders = '0=127.0.0.1:7400,1=10.0.0.2:7400,2=10.0.0.3:7400@rack-2';
  runFormat(['--format', '--data', directory, '--cluster=c', '--node', '1', '--founders', founders]);
  expect(readNodeFile(directory)).toMatchObject({
    cluster: 'c',
    node: 1,
    founders: [
      { id: 0, address: '127.0.0.1:7400', host: hostname() },
      { id: 1, address: '10.0.0.2:7400', host: '10.0.0.2' },
      { id: 2, address: '10.0.0.3:7400', host: 'rack-2' },
    ],
  });
});

test.each([
  [['--node', '0'], '--format needs --data'],
  [['--data'], '--data needs a value'],
  [['--data', 'd', '--cluster', 'c', '--node', 'x', '--founders', '0=a:1'], '--node must be a node id'],
  [
    ['--data', 'd', '--cluster', 'c', '--node', '0', '--founders', 'a:1'],
    '--founders must list id=host:port',
  ],
  [['--listen', 'a:1'], 'unknown flag --listen beside --format'],
])('%j is refused', (argv, says) => {
  expect(() => runFormat(['--format', ...argv])).toThrow(
    expect.objectContaining({ code: 'invalidConfig', message: expect.stringContaining(says) }),
  );
});
