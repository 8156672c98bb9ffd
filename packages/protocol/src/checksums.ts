/**
 * 128-bit identity of some bytes: 32 lower-case hex digits, in the order in which the 16 bytes lie on the
 * wire. A string, so that two identities compare with `===` and serve as keys of a Map.
 */
export type Checksum = string;

/**
 * The two checksum functions of the format. The fast ones are native code or Node built-ins, which pure
 * packages may not import, hence an interface; every implementation must compute the same function.
 */
export interface Checksums {
  /** CRC-32 (IEEE 802.3, polynomial 0xEDB88320), unsigned. `seed`: the CRC of what came before, default 0. */
  crc32(bytes: Uint8Array, seed?: number): number;
  /**
   * Identity of `bytes`, format version 1 (`benchmarks/CHECKSUMS.md` holds the measurement behind it). Guards
   * against accidents, not against an adversary: peers are authenticated by the handshake instead.
   */
  identity(bytes: Uint8Array): Checksum;
}

/** What needs no more than the CRC: frames and batches; clients have nothing else. */
export type Crc32 = Pick<Checksums, 'crc32'>;

/** Length of an identity on the wire, bytes. */
export const CHECKSUM_SIZE = 16;

/** Stands for "no predecessor": the parent of a group's first op. */
export const ZERO_CHECKSUM: Checksum = '0'.repeat(32);

/** Reads the identity at `position`; the caller has checked that 16 bytes are there. */
export function readChecksum(bytes: Buffer, position: number): Checksum {
  return bytes.toString('hex', position, position + CHECKSUM_SIZE);
}

/** Writes `checksum` (32 hex digits) at `position`. */
export function writeChecksum(bytes: Buffer, checksum: Checksum, position: number): void {
  bytes.write(checksum, position, CHECKSUM_SIZE, 'hex');
}

const CHECKSUM_PATTERN = /^[0-9a-f]{32}$/;

/** Whether `value` is 32 lower-case hex digits. */
export function isChecksum(value: unknown): value is Checksum {
  return typeof value === 'string' && CHECKSUM_PATTERN.test(value);
}
