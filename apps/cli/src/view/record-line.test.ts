import { HeaderKind, type HeaderKindValue } from '@vireo/protocol';
import { describe, expect, test } from 'vitest';
import { type PrintedRecord, RECORD_TITLES, recordJson, recordText } from './record-line.ts';

const record: PrintedRecord = {
  partition: 3,
  offset: 12,
  timestamp: 1_700_000_000_000_000,
  key: Buffer.from('DE'),
  value: Buffer.from('{"total":3}'),
  headers: [],
};

test('a record in JSON has exactly the members that are promised, in their order', () => {
  expect(JSON.stringify(recordJson(record))).toBe(
    '{"partition":3,"offset":12,"timestamp":1700000000000000,"key":"DE","value":"{\\"total\\":3}","headers":[]}',
  );
});

test('a record without a key has null, an empty key is an empty text, other bytes are base64', () => {
  expect(recordJson({ ...record, key: null }).key).toBeNull();
  expect(recordJson({ ...record, key: Buffer.alloc(0) }).key).toBe('');
  expect(recordJson({ ...record, value: Uint8Array.of(0xff, 0) }).value).toEqual({ base64: '/wA=' });
});

describe('headers in JSON', () => {
  const examples: readonly (readonly [kind: keyof typeof HeaderKind, bytes: number[], value: unknown])[] = [
    ['null', [], null],
    ['raw', [0x68, 0x69], 'hi'],
    ['raw', [0xff], { base64: '/w==' }],
    ['string', [0xc3, 0xbc], 'ü'],
    ['bool', [1], true],
    ['int8', [0xff], -1],
    ['int16', [0xfe, 0xff], -2],
    ['int32', [0, 0, 0, 0x80], -2_147_483_648],
    ['uint16', [0xff, 0xff], 65_535],
    ['int64', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -1],
    ['uint64', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], '18446744073709551615'],
    ['float64', [0, 0, 0, 0, 0, 0, 0xf8, 0x3f], 1.5],
    ['float32', [0, 0, 0x80, 0x7f], 'Infinity'],
    ['int32', [1], '\u0001'],
  ];
  test.each(examples)('of kind %s: %j', (kind, bytes, value) => {
    const header = { name: 'h', kind: HeaderKind[kind] as HeaderKindValue, value: Uint8Array.from(bytes) };
    expect(recordJson({ ...record, headers: [header] }).headers).toEqual([{ name: 'h', kind, value }]);
  });
});

describe('a record for people', () => {
  test('stands under its titles', () => {
    expect(RECORD_TITLES).toBe('PART      OFFSET  KEY               VALUE');
    expect(recordText(record, null)).toBe('   3          12  DE                {"total":3}');
    expect(recordText({ ...record, key: null }, null)).toBe(
      '   3          12  -                 {"total":3}',
    );
  });

  test('is cut for a terminal, and for nothing else', () => {
    const long = { ...record, value: Buffer.from('🦊'.repeat(100)) };
    const line = recordText(long, 80);
    expect(line.length).toBeLessThanOrEqual(80);
    expect(line).toMatch(/🦊…$/u);
    expect(recordText(long, null)).toContain('🦊'.repeat(100));
  });

  test('stays on its line and cannot command the terminal', () => {
    const line = recordText({ ...record, key: Buffer.from('\x1b[2J'), value: Buffer.from('a\nb') }, null);
    expect(line).toContain('\\x1b[2J');
    expect(line).toContain('a\\nb');
  });
});
