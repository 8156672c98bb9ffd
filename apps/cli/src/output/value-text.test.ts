import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonBytes, readableBytes, readableText } from './value-text.ts';

test('UTF-8 is a string, other bytes are base64', () => {
  expect(jsonBytes(Buffer.from('Grüße 🦊'))).toBe('Grüße 🦊');
  expect(jsonBytes(new Uint8Array())).toBe('');
  expect(jsonBytes(Uint8Array.of(0xc3, 0x28))).toEqual({ base64: 'wyg=' });
});

test('every value can be had back from its JSON', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(bytes, (value) => {
      const json: unknown = JSON.parse(JSON.stringify(jsonBytes(value)));
      const back =
        typeof json === 'string'
          ? Buffer.from(json)
          : Buffer.from((json as { base64: string }).base64, 'base64');
      expect(back.equals(value)).toBe(true);
    }),
  );
});

test('what is printed for people has neither line breaks nor commands to the terminal', () => {
  expect(readableText('a\nb\tc\r\x1b[31m\x9b')).toBe('a\\nb\\tc\\r\\x1b[31m\\x9b');
  expect(readableBytes(Buffer.from('ok'))).toBe('ok');
  expect(readableBytes(Uint8Array.of(0xff))).toBe('base64:/w==');
});
