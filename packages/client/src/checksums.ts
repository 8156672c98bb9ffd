import { crc32 } from 'node:zlib';
import type { Crc32 } from '@vireo/protocol';

/**
 * The checksum of the SDK: CRC-32 by Node's own zlib. Identities (the 128 bits of prepares) are made and checked by
 * nodes; a client trusts the batch's CRC, and needs no native code for it.
 */
export const checksums: Crc32 = { crc32: (bytes, seed) => crc32(bytes, seed) };
