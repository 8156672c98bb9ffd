import { describe, expect, it } from 'vitest';
import { partitionForKey, xxHash32 } from './key-hash.ts';

describe('xxHash32', () => {
  it.each([
    ['', 0, 0x02cc5d05],
    ['a', 0, 0x550d7456],
    ['abc', 0, 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0, 0xe2293b2f],
  ])('of %j is the published value', (text, seed, expected) => {
    expect(xxHash32(Buffer.from(text), seed)).toBe(expected);
  });

  it('is the published value for the specification’s own test sequence, with and without seed', () => {
    // The generator of xxhsum's sanity check: byte = generator >> 24, generator *= itself (32 bits).
    const sequence = Buffer.alloc(222);
    let generator = 2_654_435_761n;
    for (let i = 0; i < sequence.length; i++) {
      sequence[i] = Number((generator >> 24n) & 0xffn);
      generator = BigInt.asUintN(32, generator * generator);
    }
    expect(xxHash32(sequence.subarray(0, 1), 0)).toBe(0xb85cbee5);
    expect(xxHash32(sequence.subarray(0, 1), 0x9e3779b1)).toBe(0xd5845d64);
    expect(xxHash32(sequence.subarray(0, 14), 0)).toBe(0xe5aa0ab4);
    expect(xxHash32(sequence.subarray(0, 14), 0x9e3779b1)).toBe(0x4481951d);
  });

  it('agrees with the reference implementation at every length around its blocks', () => {
    for (let length = 0; length <= 80; length++) {
      const bytes = Buffer.from(Array.from({ length }, (_, i) => (i * 37 + length) & 0xff));
      expect(xxHash32(bytes, length)).toBe(reference(bytes, length));
    }
  });
});

/** The specification (xxHash `doc/xxhash_spec.md`) in BigInt, word by word. */
function reference(bytes: Buffer, seed: number): number {
  const u32 = (x: bigint) => BigInt.asUintN(32, x);
  const rot = (x: bigint, n: bigint) => u32((x << n) | (x >> (32n - n)));
  const [p1, p2, p3, p4, p5] = [0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn, 0x27d4eb2fn, 0x165667b1n];
  const s = BigInt(seed);
  let at = 0;
  let hash = u32(s + p5);
  if (bytes.length >= 16) {
    const lanes = [s + p1 + p2, s + p2, s, s - p1].map(u32);
    for (; at + 16 <= bytes.length; at += 16) {
      for (let i = 0; i < 4; i++) {
        lanes[i] = u32(rot(u32(lanes[i]! + BigInt(bytes.readUInt32LE(at + 4 * i)) * p2), 13n) * p1);
      }
    }
    hash = u32(rot(lanes[0]!, 1n) + rot(lanes[1]!, 7n) + rot(lanes[2]!, 12n) + rot(lanes[3]!, 18n));
  }
  hash = u32(hash + BigInt(bytes.length));
  for (; at + 4 <= bytes.length; at += 4)
    hash = u32(rot(u32(hash + BigInt(bytes.readUInt32LE(at)) * p3), 17n) * p4);
  for (; at < bytes.length; at++) hash = u32(rot(u32(hash + BigInt(bytes[at]!) * p5), 11n) * p1);
  hash = u32((hash ^ (hash >> 15n)) * p2);
  hash = u32((hash ^ (hash >> 13n)) * p3);
  return Number(hash ^ (hash >> 16n));
}

describe('partitionForKey', () => {
  it('is the hash of the UTF-8 bytes modulo the partitions, for strings and bytes alike', () => {
    expect(partitionForKey('abc', 6)).toBe(0x32d153ff % 6);
    expect(partitionForKey(Buffer.from('Zürich'), 7)).toBe(partitionForKey('Zürich', 7));
    expect(partitionForKey('anything', 1)).toBe(0);
  });

  it('spreads keys over all partitions', () => {
    const counts = new Array<number>(6).fill(0);
    for (let i = 0; i < 6000; i++) counts[partitionForKey(`key-${i}`, 6)]!++;
    for (const count of counts) expect(count).toBeGreaterThan(850);
  });
});
