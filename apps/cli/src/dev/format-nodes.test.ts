import { expect, test } from 'vitest';
import { startError } from './format-nodes.ts';

test('the reason of a server is its last event with a code', () => {
  const log = [
    '{"level":"info","event":"server.starting"}',
    '{"level":"fatal","event":"server.refused","code":"addressInUse","message":"127.0.0.1:7400 is in use"}',
    '',
  ].join('\n');
  expect(startError(log, 'node 0 ended')).toMatchObject({
    code: 'addressInUse',
    message: 'node 0 ended: 127.0.0.1:7400 is in use',
  });
});

test('the reason may be a line of text, as a terminal gets it', () => {
  expect(startError('vireo: notFormatted: /data is empty\n', 'node 1 ended')).toMatchObject({
    code: 'notFormatted',
    message: 'node 1 ended: /data is empty',
  });
});

test('a server that said nothing useful is quoted, one that said nothing is told so', () => {
  expect(startError('{"level":"info"}\n    at main.js:1\n', 'node 1 ended')).toMatchObject({
    code: 'startFailed',
    message: 'node 1 ended: at main.js:1',
  });
  expect(startError('', 'node 1 ended').message).toBe('node 1 ended: it said nothing');
});
