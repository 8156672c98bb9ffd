import { createCipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { xxh3 } from '@node-rs/xxhash';
import type { Checksums } from '@vireo/protocol';

/**
 * Identity, format version 1: bytes shorter than this are hashed by XXH3-128, longer ones by AES-128-GMAC. XXH3
 * costs little per call, GMAC little per byte; at about this length they cost the same (`benchmarks/CHECKSUMS.md`).
 */
const GMAC_FROM = 8192;

/**
 * GMAC's key and nonce, fixed for ever: it serves as a 128-bit polynomial hash that the CPU has instructions
 * for, not as a secret.
 */
const GMAC_KEY = Buffer.from('vireo-identity-1', 'latin1');
const GMAC_NONCE = Buffer.alloc(12);

function xxh128(bytes: Uint8Array): string {
  const hex = xxh3.xxh128(bytes).toString(16);
  return hex.length === 32 ? hex : hex.padStart(32, '0');
}

function gmac(bytes: Uint8Array): string {
  const cipher = createCipheriv('aes-128-gcm', GMAC_KEY, GMAC_NONCE);
  cipher.setAAD(bytes);
  cipher.final();
  return cipher.getAuthTag().toString('hex');
}

function identity(bytes: Uint8Array): string {
  return bytes.length < GMAC_FROM ? xxh128(bytes) : gmac(bytes);
}

const checksums: Checksums = Object.freeze({ crc32, identity });

/** The format's checksums by Node's zlib and crypto and the native xxHash. */
export function nodeChecksums(): Checksums {
  return checksums;
}
