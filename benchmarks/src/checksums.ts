import { createCipheriv } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { xxh3 } from '@node-rs/xxhash';
import { nodeChecksums } from '@vireo/node';

/**
 * Measures the candidates for the 128-bit identity (XXH3-128, AES-128-GMAC), the adapter that was made of them, and
 * zlib's CRC-32 beside them. Run by hand; `benchmarks/CHECKSUMS.md` holds a run and what was decided by it.
 *
 *   npm run build && node benchmarks/dist/checksums.js
 *
 * Every call sees other bytes (the input changes), results are used; per cell the best of five rounds is printed, for
 * whatever else runs on the machine only ever makes a round slower.
 */

const ROUNDS = 5;
const HEADER = 112;
const SIZES = [HEADER, 1024, 4096, 8192, 10_240, 16_384, 100 * 1024];

const key = Buffer.from('vireo-identity-1', 'latin1');
const nonce = Buffer.alloc(12);

function gmac(bytes: Uint8Array): string {
  const cipher = createCipheriv('aes-128-gcm', key, nonce);
  cipher.setAAD(bytes);
  cipher.final();
  return cipher.getAuthTag().toString('hex');
}

const scratch = Buffer.alloc(16);
const LOW = 0xffff_ffff_ffff_ffffn;

function xxhPadded(bytes: Uint8Array): string {
  return xxh3.xxh128(bytes).toString(16).padStart(32, '0');
}

function xxhScratch(bytes: Uint8Array): string {
  const hash = xxh3.xxh128(bytes);
  scratch.writeBigUInt64BE(hash >> 64n, 0);
  scratch.writeBigUInt64BE(hash & LOW, 8);
  return scratch.toString('hex');
}

const identity = nodeChecksums().identity;

const candidates: readonly [string, (bytes: Uint8Array) => string | number | bigint][] = [
  ['crc32 (zlib)', (bytes) => crc32(bytes)],
  ['XXH3-128 → BigInt', (bytes) => xxh3.xxh128(bytes)],
  ['XXH3-128 → hex', xxhPadded],
  ['XXH3-128 → Buffer → hex', xxhScratch],
  ['AES-128-GMAC → hex', gmac],
  ['identity (version 1)', identity],
];

/** Microseconds a call. */
function measure(hash: (bytes: Uint8Array) => string | number | bigint, size: number): number {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 131) & 0xff;
  const calls = Math.max(500, Math.min(40_000, Math.floor(60_000_000 / (size + 1500))));
  let best = Number.POSITIVE_INFINITY;
  let used = 0;
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.hrtime.bigint();
    for (let call = 0; call < calls; call++) {
      bytes.writeUInt32LE(call, 0);
      used ^= String(hash(bytes)).length;
    }
    const micros = Number(process.hrtime.bigint() - start) / calls / 1000;
    // The first round warms up.
    if (round > 0) best = Math.min(best, micros);
  }
  if (used < 0) throw new Error('results unused');
  return best;
}

const figures = candidates.map(([name, hash]) => [name, SIZES.map((size) => measure(hash, size))] as const);

console.log(`node ${process.version}, µs a call`);
console.log(`| function | ${SIZES.map((size) => `${size} B`).join(' | ')} |`);
console.log(`| --- |${SIZES.map(() => ' ---: |').join('')}`);
for (const [name, row] of figures)
  console.log(`| ${name} | ${row.map((micros) => micros.toFixed(2)).join(' | ')} |`);

/** One op costs the identity of a header and of a body on each of three nodes. */
function load(header: number, body: number, opsPerSecond: number): string {
  return `${((3 * (header + body) * opsPerSecond) / 10_000).toFixed(1)} %`;
}

const row = (name: string): readonly number[] => figures.find(([candidate]) => candidate === name)![1];
const last = SIZES.length - 1;
console.log('\n| of one core, three nodes together | 3,000 ops/s of 100 KiB | 20,000 ops/s of 1 KiB |');
console.log('| --- | ---: | ---: |');
for (const name of ['XXH3-128 → hex', 'AES-128-GMAC → hex', 'identity (version 1)']) {
  const figure = row(name);
  console.log(
    `| ${name} | ${load(figure[0]!, figure[last]!, 3_000)} | ${load(figure[0]!, figure[1]!, 20_000)} |`,
  );
}
