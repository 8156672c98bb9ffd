import { expect, expectTypeOf, test } from 'vitest';
import { topic } from './topic.ts';

test('bytes and strings pass as they are, JSON is encoded and decoded', () => {
  const bytes = Buffer.from('abc');
  expect(topic('a/b', 'bytes').encode(bytes)).toEqual({ value: bytes });
  expect(topic('a/b', 'bytes').decode(bytes)).toBe(bytes);
  expect(topic('a/b', 'string').decode(Buffer.from('ä'))).toBe('ä');
  expect(topic('a/b', 'json').encode({ a: 1 })).toEqual({ value: '{"a":1}' });
  expect(topic('a/b', 'json').decode(Buffer.from('{"a":1}'))).toEqual({ a: 1 });
  expect(() => topic('a/b', 'json').encode(undefined)).toThrow(
    expect.objectContaining({ code: 'invalidRecord' }),
  );
});

test('a schema checks on both ways and gives the type; the key comes from the value', () => {
  const parse = (value: unknown): { id: string } => {
    if (typeof value !== 'object' || value === null || !('id' in value)) throw new TypeError('no id');
    return { id: String(value.id) };
  };
  const orders = topic('shop/orders', { parse }, { key: (order) => order.id });
  expectTypeOf(orders.decode(Buffer.from('{"id":"x"}'))).toEqualTypeOf<{ id: string }>();
  expect(orders.encode({ id: 'x' })).toEqual({ key: 'x', value: '{"id":"x"}' });
  expect(() => orders.decode(Buffer.from('{}'))).toThrow('no id');
});
