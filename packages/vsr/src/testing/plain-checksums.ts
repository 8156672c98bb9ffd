import type { Checksums } from '@vireo/protocol';

/** Four lanes of FNV-1a: good enough to tell the ops of a test apart, and needs no module of the platform. */
function identity(bytes: Uint8Array): string {
  let a = 0x811c9dc5;
  let b = 0x01000193;
  let c = 0x9e3779b9;
  let d = 0x85ebca6b;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    a = Math.imul(a ^ byte, 0x01000193);
    b = Math.imul(b ^ byte ^ (a >>> 15), 0x85ebca77);
    c = Math.imul(c ^ byte ^ (b >>> 13), 0xc2b2ae3d);
    d = Math.imul(d ^ byte ^ (c >>> 16), 0x27d4eb2f);
  }
  return [a, b, c, d].map((lane) => (lane >>> 0).toString(16).padStart(8, '0')).join('');
}

export const plainChecksums: Checksums = { crc32: () => 0, identity };
