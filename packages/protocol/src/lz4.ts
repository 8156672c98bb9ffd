import { type Decoded, decoded, refused } from './decoded.ts';

/**
 * LZ4 of a whole library, injected where one is installed. Both functions deal in an LZ4 block with its unpacked
 * size (u32, little-endian) in front, as `lz4-napi` and lz4_flex have it.
 */
export interface Lz4 {
  compress(bytes: Buffer): Buffer;
  /** `maxSize`: the unpacked size, already checked against the prefix and the limits. May throw. */
  uncompress(bytes: Buffer, maxSize: number): Buffer;
}

const MATCH_MIN = 4;
const OVERFLOW = 15;

/**
 * Unpacks an LZ4 block (lz4_Block_format.md) of exactly `unpackedSize` bytes, which the caller has checked
 * against its limit: the only allocation. Reads and writes stay inside both buffers whatever the bytes say.
 *
 * Error: `corruptCompression`.
 */
export function lz4DecodeBlock(block: Buffer, unpackedSize: number): Decoded<Buffer> {
  const out = Buffer.allocUnsafeSlow(unpackedSize);
  const end = block.length;
  let from = 0;
  let to = 0;
  while (from < end) {
    const token = block[from++]!;
    let literals = token >>> 4;
    if (literals === OVERFLOW) {
      let byte = 255;
      while (byte === 255) {
        if (from >= end) return cut();
        byte = block[from++]!;
        literals += byte;
      }
    }
    if (literals > end - from) return cut();
    if (literals > unpackedSize - to) return tooLong(unpackedSize);
    if (literals > 32) {
      block.copy(out, to, from, from + literals);
      from += literals;
      to += literals;
    } else {
      for (const stop = from + literals; from < stop; ) out[to++] = block[from++]!;
    }
    // The last sequence of a block has literals only.
    if (from === end) break;

    if (end - from < 2) return cut();
    const distance = block[from]! | (block[from + 1]! << 8);
    from += 2;
    if (distance === 0 || distance > to) {
      return refused('corruptCompression', `a match ${distance} bytes back at position ${to}`);
    }
    let length = (token & OVERFLOW) + MATCH_MIN;
    if (length === OVERFLOW + MATCH_MIN) {
      let byte = 255;
      while (byte === 255) {
        if (from >= end) return cut();
        byte = block[from++]!;
        length += byte;
      }
    }
    if (length > unpackedSize - to) return tooLong(unpackedSize);
    if (length > 32 && distance >= length) {
      out.copyWithin(to, to - distance, to - distance + length);
      to += length;
    } else {
      // Byte by byte on purpose: a match may overlap what it produces (a run has distance 1).
      for (const stop = to + length; to < stop; to++) out[to] = out[to - distance]!;
    }
  }
  if (to !== unpackedSize)
    return refused('corruptCompression', `unpacks to ${to} bytes, announced were ${unpackedSize}`);
  return decoded(out);
}

function cut(): Decoded<Buffer> {
  return refused('corruptCompression', 'the packed records are cut short');
}

function tooLong(unpackedSize: number): Decoded<Buffer> {
  return refused('corruptCompression', `unpacks to more than the ${unpackedSize} bytes announced`);
}
