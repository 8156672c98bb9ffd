/**
 * Variable-length integers of records: seven bits a byte, least significant first, the top bit set on all but
 * the last (LEB128). Shortest form only, so that equal records have equal bytes. Values to 2^53−1.
 */

/** Length of `value` encoded, bytes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Writes `value` (a safe, non-negative integer) at `position`; returns the position behind it. */
export function writeVarint(bytes: Buffer, value: number, position: number): number {
  let at = position;
  let rest = value;
  while (rest > 0x7fff_ffff) {
    bytes[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}

/** Bound of what zigzag can carry here, exclusive: |value| < 2^52 (as µs: 142 years). */
export const ZIGZAG_LIMIT = 2 ** 52;

/** Maps small integers of either sign to small non-negative ones: 0, −1, 1, −2 … to 0, 1, 2, 3 … */
export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1;
}

/** Inverse of `zigzag`. */
export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

const SCALE_MAX = 0x80 ** 7;

/** Reads varints and runs of bytes between two positions of a buffer, never beyond the second. */
export class Cursor {
  readonly bytes: Buffer;
  position: number;
  readonly end: number;

  constructor(bytes: Buffer, position: number, end: number) {
    this.bytes = bytes;
    this.position = position;
    this.end = end;
  }

  /** The next varint, or −1: it is cut off, not in shortest form, or above 2^53−1. */
  varint(): number {
    if (this.position >= this.end) return -1;
    const first = this.bytes[this.position++]!;
    return first < 0x80 ? first : this.#longVarint(first & 0x7f);
  }

  #longVarint(first: number): number {
    let value = first;
    for (let scale = 0x80; scale <= SCALE_MAX; scale *= 0x80) {
      if (this.position >= this.end) return -1;
      const byte = this.bytes[this.position++]!;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return byte === 0 || value > Number.MAX_SAFE_INTEGER ? -1 : value;
    }
    return -1;
  }

  /** Skips `length` bytes and returns where they began, or −1 when there are fewer. */
  skip(length: number): number {
    const start = this.position;
    if (length > this.end - start) return -1;
    this.position = start + length;
    return start;
  }
}
