import fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from './lines.ts';

async function linesOf(chunks: readonly Uint8Array[], lineBytesMax = 1024): Promise<string[]> {
  async function* source() {
    yield* chunks;
  }
  const lines: string[] = [];
  for await (const { number, bytes } of splitLines(source(), lineBytesMax)) {
    expect(number).toBe(lines.length + 1);
    lines.push(bytes.toString('latin1'));
  }
  return lines;
}

test('a last line without a newline counts, an empty one after the last newline does not', async () => {
  expect(await linesOf([Buffer.from('a\n\nb')])).toEqual(['a', '', 'b']);
  expect(await linesOf([Buffer.from('a\nb\n')])).toEqual(['a', 'b']);
  expect(await linesOf([])).toEqual([]);
});

test('carriage returns and bytes that are no UTF-8 are kept', async () => {
  expect(await linesOf([Buffer.from([0xff, 0x0d, 0x0a, 0x80])])).toEqual(['\xff\r', '\x80']);
});

test('lines do not depend on where the chunks are cut', async () => {
  const bytes = fc
    .uint8Array({ maxLength: 60 })
    .map((array) => array.map((byte) => (byte % 4 === 0 ? 10 : byte)));
  await fc.assert(
    fc.asyncProperty(bytes, fc.array(fc.nat(60), { maxLength: 6 }), async (input, cuts) => {
      const whole = Buffer.from(input).toString('latin1').split('\n');
      if (whole.at(-1) === '') whole.pop();
      const places = [0, ...cuts.map((cut) => Math.min(cut, input.length)), input.length].sort(
        (a, b) => a - b,
      );
      const chunks = places.slice(1).map((end, index) => input.subarray(places[index], end));
      expect(await linesOf(chunks)).toEqual(whole);
    }),
    { numRuns: 200 },
  );
});

test('a line at the limit passes; one byte more is refused with its number, before it is read whole', async () => {
  expect(await linesOf([Buffer.from('1234\n12'), Buffer.from('34')], 4)).toEqual(['1234', '1234']);
  await expect(linesOf([Buffer.from('1\n12'), Buffer.from('345')], 4)).rejects.toMatchObject({
    code: 'recordTooLarge',
    message: 'line 2 is longer than 4 bytes',
  });
});
