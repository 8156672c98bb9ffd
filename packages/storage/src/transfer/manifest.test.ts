import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainChecksums } from '../testing/index.ts';
import { merkleRoot } from './chunks.ts';
import {
  decodeManifest,
  encodeManifest,
  MANIFEST_BYTES_MAX,
  type Manifest,
  manifestSize,
} from './manifest.ts';

const checksum = (n: number) => n.toString(16).padStart(32, '0');
const leaves = (count: number, from: number) => Array.from({ length: count }, (_, i) => checksum(from + i));

const MANIFEST: Manifest = {
  group: 7,
  op: 30,
  checksum: checksum(99),
  timestamp: 1_700_000_000_000_000,
  lossEpoch: 2,
  chunkBytes: 4096,
  snapshot: { size: 5000, checksum: checksum(98), leaves: leaves(2, 1) },
  segments: [
    { baseOp: 1, endOp: 20, size: 10_000, leaves: leaves(3, 10) },
    { baseOp: 21, endOp: 30, size: 4096, leaves: leaves(1, 20) },
  ],
};

/** The encoded manifest with some bytes changed and the checksum made right again. */
function altered(change: (bytes: Buffer) => void, manifest = MANIFEST): Buffer {
  const bytes = encodeManifest(manifest, plainChecksums);
  change(bytes);
  bytes.write(plainChecksums.identity(bytes.subarray(16)), 0, 16, 'hex');
  return bytes;
}

function codeOf(bytes: Buffer): string {
  const read = decodeManifest(bytes, plainChecksums);
  return read.ok ? 'ok' : read.error.code;
}

describe('manifest', () => {
  it('comes back as it was', () => {
    const bytes = encodeManifest(MANIFEST, plainChecksums);
    expect(bytes.length).toBe(manifestSize(MANIFEST));
    expect(decodeManifest(bytes, plainChecksums)).toEqual({ ok: true, value: MANIFEST });
  });

  it('refuses every byte that is changed, and every length but its own', () => {
    const bytes = encodeManifest(MANIFEST, plainChecksums);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x40;
      expect(decodeManifest(damaged, plainChecksums).ok).toBe(false);
      expect(codeOf(bytes.subarray(0, at))).toBe('corruptPayload');
    }
    expect(codeOf(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe('corruptPayload');
    expect(codeOf(Buffer.alloc(MANIFEST_BYTES_MAX + 1))).toBe('corruptPayload');
  });

  it('names a later format', () => {
    expect(codeOf(altered((bytes) => bytes.writeUInt16LE(2, 20)))).toBe('unsupportedFormat');
  });

  it.each<[string, (bytes: Buffer) => void]>([
    ['more segments than bytes', (bytes) => bytes.writeUInt32LE(0xffff_ffff, 76)],
    ['more leaves than bytes', (bytes) => bytes.writeUInt32LE(0xffff_ffff, 80)],
    ['a byte that is not used', (bytes) => bytes.writeUInt8(1, 127)],
    ['chunks of no size', (bytes) => bytes.writeUInt32LE(0, 68)],
    ['chunks larger than a message', (bytes) => bytes.writeUInt32LE(1 << 30, 68)],
    ['op 0', (bytes) => bytes.fill(0, 32, 40)],
    ['an op beyond 2^53', (bytes) => bytes.fill(0xff, 32, 40)],
    ['a root of other leaves', (bytes) => bytes.writeUInt8(1, 88)],
    ['an empty snapshot', (bytes) => bytes.writeUInt32LE(0, 72)],
    ['a snapshot larger than memory', (bytes) => bytes.writeUInt32LE(0xffff_ffff, 72)],
    ['a segment that ends before it begins', (bytes) => bytes.writeUInt8(0, 128 + 8)],
    ['a hole between two segments', (bytes) => bytes.writeUInt8(22, 128 + 24)],
    ['a segment of nothing but its head', (bytes) => bytes.writeUInt32LE(128, 128 + 16)],
    ['a segment with more chunks than leaves', (bytes) => bytes.writeUInt32LE(50_000, 128 + 16)],
    ['a segment with fewer chunks than leaves', (bytes) => bytes.writeUInt32LE(8000, 128 + 16)],
    ['segments that end before its op', (bytes) => bytes.writeUInt8(31, 32)],
  ])('refuses %s', (_what, change) => {
    expect(codeOf(altered(change))).toBe('corruptPayload');
  });

  it('takes no bytes for a manifest that are none', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (random) => {
        const bytes = Buffer.concat([encodeManifest(MANIFEST, plainChecksums).subarray(0, 40), random]);
        bytes.write(plainChecksums.identity(bytes.subarray(16)), 0, 16, 'hex');
        expect(decodeManifest(bytes, plainChecksums).ok).toBe(false);
      }),
    );
  });

  it('has a root that depends on every leaf and on their order', () => {
    const roots = new Set<string>();
    for (let count = 0; count < 9; count++) roots.add(merkleRoot(leaves(count, 1), plainChecksums));
    for (let at = 0; at < 8; at++) {
      roots.add(merkleRoot(leaves(9, 1).with(at, checksum(77)), plainChecksums));
      roots.add(merkleRoot([...leaves(9, 1).slice(at), ...leaves(at, 1)], plainChecksums));
    }
    expect(roots.size).toBe(9 + 16);
  });
});
