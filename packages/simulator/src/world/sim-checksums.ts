import { hash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Checksums } from '@vireo/protocol';

/**
 * Checksums of a simulated cluster. Identities are MD5: 128 bits, one call, built in. All nodes of a run share
 * this object, so that it need not be the function that the format fixes.
 */
export const simChecksums: Checksums = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  identity: (bytes) => hash('md5', bytes, 'hex'),
};
