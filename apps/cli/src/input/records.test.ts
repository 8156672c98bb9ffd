import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import { checkFormat, generateRecords, type RecordFormat, readRecords } from './records.ts';

async function recordsOf(text: string, format: Partial<RecordFormat> = {}) {
  async function* chunks() {
    yield Buffer.from(text);
  }
  const records: { value: string; key: string | undefined }[] = [];
  const whole = { ndjson: false, keyField: undefined, key: undefined, ...format };
  for await (const { value, key } of readRecords(chunks(), whole, 1024)) {
    records.push({ value: value.toString(), key });
  }
  return records;
}

describe('plain lines', () => {
  test('each line is a record, byte for byte, also when it looks like JSON', async () => {
    expect(await recordsOf(' a \n\n{"x":\r\n')).toEqual([
      { value: ' a ', key: undefined },
      { value: '', key: undefined },
      { value: '{"x":\r', key: undefined },
    ]);
  });

  test('--key is the key of all', async () => {
    expect(await recordsOf('a\nb', { key: 'k' })).toEqual([
      { value: 'a', key: 'k' },
      { value: 'b', key: 'k' },
    ]);
  });
});

describe('NDJSON', () => {
  test('the value is the text of the object as it stands, without blanks around it', async () => {
    const text = '  {"id": 9007199254740993, "a":1.0}\r\n\n \t\n{"b":2}\n';
    expect(await recordsOf(text, { ndjson: true })).toEqual([
      { value: '{"id": 9007199254740993, "a":1.0}', key: undefined },
      { value: '{"b":2}', key: undefined },
    ]);
  });

  test('--key-field takes the key from each object and implies NDJSON', async () => {
    const text = '{"country":"DE","n":1}\n{"country":"Østerrike"}\n{"country":47}\n';
    expect((await recordsOf(text, { keyField: 'country' })).map(({ key }) => key)).toEqual([
      'DE',
      'Østerrike',
      '47',
    ]);
  });

  test.each([
    ['{"a":1}\nplain\n', {}, /line 2 is not a JSON object/],
    ['{"a":1}\n\n{"a":\n', {}, /line 3 is not JSON/],
    ['[1]\n', {}, /line 1 is not a JSON object/],
    ['{"b":1}\n', { keyField: 'a' }, /line 1 has no 'a'/],
    ['{"a":null}\n', { keyField: 'a' }, /line 1 has no 'a'/],
    ['{"a":1}\n', { keyField: 'constructor' }, /line 1 has no 'constructor'/],
  ])('%j is refused with its line', async (text, format, message) => {
    await expect(recordsOf(text, { ndjson: true, ...format })).rejects.toMatchObject({
      code: 'invalidRecord',
      message: expect.stringMatching(message),
    });
  });
});

test('a key and a key field together are refused', () => {
  expect(() => checkFormat({ ndjson: false, keyField: 'a', key: 'b' })).toThrow(UsageError);
  expect(() => checkFormat({ ndjson: true, keyField: 'a', key: undefined })).not.toThrow();
});

test('generated records have the size asked for and differ from each other', () => {
  const records = [...generateRecords(1200, 8, 'k')];
  expect(records.every(({ value, key }) => value.length === 8 && key === 'k')).toBe(true);
  expect(new Set(records.map(({ value }) => value.toString())).size).toBe(1200);
  expect(records[7]!.value.toString()).toBe('7.......');
});
