import { ErrorCodes, VireoError } from '@vireo/protocol';
import { describe, expect, test } from 'vitest';
import { CommandError, UsageError } from '../errors.ts';
import { hintFor, shellWord } from './hints.ts';
import { exitCodeOf, renderError, reportError } from './render-error.ts';

const subject = { stream: 'shop', topic: 'orders', servers: ['127.0.0.1:7400'] };

describe('an error', () => {
  test('of a server shows its code, its message and a hint that can be pasted', () => {
    const report = reportError(new VireoError('unknownStream', "there is no stream 'shop'"), subject);
    expect(renderError(report, false)).toBe(
      "error unknownStream: there is no stream 'shop'\nhint: make it with: vireo stream create shop",
    );
    expect(exitCodeOf(report)).toBe(1);
  });

  test('in JSON also says whether to retry and what is known of the attempt', () => {
    const error = new VireoError('corruptBatch', 'gone', { details: { group: 3 } });
    expect(JSON.parse(renderError(reportError(error, subject), true))).toEqual({
      error: {
        code: 'corruptBatch',
        message: 'gone',
        retryable: false,
        outcome: 'notApplied',
        details: { group: 3 },
      },
    });
  });

  test('of the command line has code usage and exit code 2', () => {
    const report = reportError(new UsageError("'orders' is not a topic", 'topics are written STREAM/TOPIC'));
    expect(renderError(report, false)).toBe(
      "error usage: 'orders' is not a topic\nhint: topics are written STREAM/TOPIC",
    );
    expect(exitCodeOf(report)).toBe(2);
  });

  test('of the command itself keeps its own hint', () => {
    const report = reportError(new CommandError('addressInUse', 'port 7400 is in use', 'use --port'));
    expect(report).toEqual({ code: 'addressInUse', message: 'port 7400 is in use', hint: 'use --port' });
    expect(exitCodeOf(report)).toBe(1);
  });

  test('that nobody expected is internal, with the text of whatever was thrown', () => {
    expect(reportError(new TypeError('x is undefined'))).toEqual({
      code: 'internal',
      message: 'x is undefined',
    });
    expect(reportError('boom')).toEqual({ code: 'internal', message: 'boom' });
  });

  test('keeps control characters of a name away from the terminal', () => {
    const report = reportError(new VireoError('unknownTopic', 'no \x1b[31mred'), {
      ...subject,
      topic: '\x1b[2J',
    });
    expect(renderError(report, false)).not.toContain('\x1b');
  });
});

test('hints are given for codes of the error table only', () => {
  const codes = Object.keys(ErrorCodes).filter((code) => hintFor(code) !== undefined);
  expect(codes.length).toBeGreaterThan(12);
  expect(hintFor('noSuchCode')).toBeUndefined();
});

test('words are quoted for the shell when they need it', () => {
  expect(shellWord('shop/orders-1')).toBe('shop/orders-1');
  expect(shellWord("it's here")).toBe("'it'\\''s here'");
  expect(shellWord('a;b')).toBe("'a;b'");
});
