/**
 * xxHash32 as specified in xxHash's `doc/xxhash_spec.md`: the hash that decides a key's partition, part of
 * the protocol (every client must agree). Plain TypeScript: keys are short, a native call would cost more.
 */

const PRIME1 = 0x9e3779b1;
const PRIME2 = 0x85ebca77;
const PRIME3 = 0xc2b2ae3d;
const PRIME4 = 0x27d4eb2f;
const PRIME5 = 0x165667b1;

function rotateLeft(x: number, bits: number): number {
  return (x << bits) | (x >>> (32 - bits));
}

function round(accumulator: number, lane: number): number {
  return Math.imul(rotateLeft((accumulator + Math.imul(lane, PRIME2)) | 0, 13), PRIME1);
}

function lane32(bytes: Uint8Array, i: number): number {
  return bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
}

/** xxHash32 of `bytes`, unsigned. */
export function xxHash32(bytes: Uint8Array, seed = 0): number {
  const length = bytes.length;
  let position = 0;
  let hash: number;
  if (length >= 16) {
    let a = (seed + PRIME1 + PRIME2) | 0;
    let b = (seed + PRIME2) | 0;
    let c = seed | 0;
    let d = (seed - PRIME1) | 0;
    for (const last = length - 16; position <= last; position += 16) {
      a = round(a, lane32(bytes, position));
      b = round(b, lane32(bytes, position + 4));
      c = round(c, lane32(bytes, position + 8));
      d = round(d, lane32(bytes, position + 12));
    }
    hash = (rotateLeft(a, 1) + rotateLeft(b, 7) + rotateLeft(c, 12) + rotateLeft(d, 18)) | 0;
  } else {
    hash = (seed + PRIME5) | 0;
  }
  hash = (hash + length) | 0;
  for (; position + 4 <= length; position += 4) {
    hash = Math.imul(rotateLeft((hash + Math.imul(lane32(bytes, position), PRIME3)) | 0, 17), PRIME4);
  }
  for (; position < length; position++) {
    hash = Math.imul(rotateLeft((hash + Math.imul(bytes[position]!, PRIME5)) | 0, 11), PRIME1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), PRIME2);
  hash = Math.imul(hash ^ (hash >>> 13), PRIME3);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * The partition of a key: xxHash32 (seed 0) of its bytes modulo the topic's `keyPartitions`, which is at least
 * 1 and stays what it was at creation when partitions are added.
 */
export function partitionForKey(key: Uint8Array | string, keyPartitions: number): number {
  return xxHash32(typeof key === 'string' ? Buffer.from(key, 'utf8') : key, 0) % keyPartitions;
}
