/**
 * u64 fields as JavaScript numbers. Offsets, ops and ids stay below 2^53 for any length of service (a million
 * ops a second for 285 years), and a BigInt per field would cost more than the rest of a header's decoding.
 */

const HIGH = 0x1_0000_0000;

/** The largest integer a u64 field may hold here: 2^53−1. */
export const U64_MAX = Number.MAX_SAFE_INTEGER;

/** The largest value of a u32 field. */
export const U32_MAX = 0xffff_ffff;

/**
 * Reads a little-endian u64, or −1 when it is larger than 2^53−1 (no field is signed, so −1 cannot be meant).
 * The caller has checked that 8 bytes are there.
 */
export function readU64(bytes: Buffer, position: number): number {
  const high = bytes.readUInt32LE(position + 4);
  if (high > 0x1f_ffff) return -1;
  return high * HIGH + bytes.readUInt32LE(position);
}

/** Writes `value` (a safe, non-negative integer) as a little-endian u64. */
export function writeU64(bytes: Buffer, value: number, position: number): void {
  bytes.writeUInt32LE(value % HIGH, position);
  bytes.writeUInt32LE(Math.floor(value / HIGH), position + 4);
}

/** Whether every byte of `bytes[from, to)` is zero: reserved room that a later version may use. */
export function isZero(bytes: Buffer, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return false;
  return true;
}
