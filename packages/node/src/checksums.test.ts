import { describe, expect, it } from 'vitest';
import { nodeChecksums } from './checksums.ts';

const { crc32, identity } = nodeChecksums();

function bytesOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 0xff));
}

/** Identity of `bytesOf(length)`: the last below and the first above the change of function among them. */
const VECTORS: readonly (readonly [number, string])[] = [
  [1, 'a6cd5e9392000f6ac44bdff4074eecdb'],
  [112, 'bd7c13b50598df6f83084df08e2518f5'],
  [1024, 'a3da96fbd688736171bee625238addb4'],
  [8191, '7d5738cf63dc8c197ede94cc046352ce'],
  [8192, '6da86820db674e59b0b8bcb12a4b8d17'],
  [102400, 'bad02004f61e43742a8b82965af6c66b'],
];

describe('crc32', () => {
  it('is the IEEE CRC of the check string of the CRC catalogue', () => {
    expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926);
  });

  it('goes on from a seed as if the bytes had come in one piece', () => {
    const whole = bytesOf(1000);
    expect(crc32(whole.subarray(300), crc32(whole.subarray(0, 300)))).toBe(crc32(whole));
  });
});

describe('identity, format version 1', () => {
  it('of nothing is the published XXH3-128 of empty input', () => {
    expect(identity(Buffer.alloc(0))).toBe('99aa06d3014798d86001c324468d497f');
  });

  it.each(VECTORS)('of %i bytes never changes', (length, expected) => {
    expect(identity(bytesOf(length))).toBe(expected);
  });

  it('always has 32 hexadecimal digits, leading zeros included', () => {
    const ids = Array.from({ length: 3000 }, (_, i) => identity(Buffer.from(`input ${i}`)));
    expect(ids.every((id) => /^[0-9a-f]{32}$/.test(id))).toBe(true);
    expect(ids.some((id) => id.startsWith('0'))).toBe(true);
  });

  it.each([112, 1024, 8191, 8192, 20_000])('differs after any single bit flip in %i bytes', (length) => {
    const bytes = bytesOf(length);
    const before = identity(bytes);
    for (let bit = 0; bit < length * 8; bit += 1 + Math.floor(length / 64)) {
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      expect(identity(bytes)).not.toBe(before);
      bytes[bit >> 3]! ^= 1 << (bit & 7);
    }
    expect(identity(bytes)).toBe(before);
  });
});
