import { describe, expect, test } from 'vitest';
import {
  parseAddress,
  parseBytes,
  parseFounders,
  parseFrom,
  parseInteger,
  parseReadFrom,
  parseServers,
  parseTopicName,
} from './arguments.ts';
import { UsageError } from './errors.ts';

describe('arguments that are understood', () => {
  test('servers are a list of addresses, spaces allowed', () => {
    expect(parseServers('127.0.0.1:7400, localhost:7410,[::1]:7420')).toEqual([
      '127.0.0.1:7400',
      'localhost:7410',
      '[::1]:7420',
    ]);
  });

  test('a topic is split at its first slash; the rest is for the server to judge', () => {
    expect(parseTopicName('shop/orders')).toEqual({ stream: 'shop', topic: 'orders' });
    expect(parseTopicName('süß shop/a/b')).toEqual({ stream: 'süß shop', topic: 'a/b' });
  });

  test('a start is start, end or an offset up to 2^53-1', () => {
    expect(parseFrom('start')).toBe('start');
    expect(parseFrom('end')).toBe('end');
    expect(parseFrom('0')).toBe(0);
    expect(parseFrom('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER);
  });

  test('a replica is any, primary or a node', () => {
    expect(parseReadFrom('any')).toBe('any');
    expect(parseReadFrom('primary')).toBe('primary');
    expect(parseReadFrom('node:2')).toEqual({ node: 2 });
  });

  test('sizes have units of 1,024', () => {
    expect(['0', '100', '1k', '2KiB', '4mb', '1G'].map((text) => parseBytes(text, '--size'))).toEqual([
      0,
      100,
      1024,
      2048,
      4 * 1024 ** 2,
      1024 ** 3,
    ]);
  });

  test('founders name id and address, and the machine if they like', () => {
    expect(parseFounders('0=127.0.0.1:7400,2=[::1]:7410@rack-2')).toEqual([
      { id: 0, address: '127.0.0.1:7400' },
      { id: 2, address: '[::1]:7410', host: 'rack-2' },
    ]);
  });
});

describe('arguments that are refused as usage errors', () => {
  const refused: readonly (readonly [what: string, parse: () => unknown])[] = [
    ['an address without a port', () => parseAddress('localhost')],
    ['a port over 65535', () => parseAddress('localhost:65536')],
    ['port 0', () => parseAddress('localhost:0')],
    ['an URL for an address', () => parseAddress('http://localhost:7400')],
    ['an empty server in the list', () => parseServers('127.0.0.1:7400,')],
    ['a topic without a stream', () => parseTopicName('/orders')],
    ['a topic without a slash', () => parseTopicName('orders')],
    ['a topic without a name', () => parseTopicName('shop/')],
    ['a negative number', () => parseInteger('-1', '--limit', 0)],
    ['a number below its minimum', () => parseInteger('0', '--partitions', 1, 10)],
    ['a number above its maximum', () => parseInteger('11', '--partitions', 1, 10)],
    ['a fraction', () => parseInteger('1.5', '--limit', 0)],
    ['a number with an exponent', () => parseInteger('1e3', '--limit', 0)],
    ['an empty number', () => parseInteger('', '--limit', 0)],
    ['an unknown unit', () => parseBytes('4x', '--size')],
    ['a start that is no offset', () => parseFrom('-10')],
    ['an offset over 2^53-1', () => parseFrom('9007199254740992')],
    ['an unknown replica', () => parseReadFrom('node:')],
    ['a founder without an id', () => parseFounders('127.0.0.1:7400')],
    ['a founder with an empty label', () => parseFounders('0=a:1@')],
    ['a founder named twice', () => parseFounders('0=a:1,0=b:2')],
  ];
  test.each(refused)('%s', (_what, parse) => {
    expect(parse).toThrow(UsageError);
  });
});
