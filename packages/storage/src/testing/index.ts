/** For tests and simulations of what stands on a `Disk`. */
export * from './memory-disk.ts';
export { type Below, SECTOR_BYTES } from './memory-file.ts';
export { plainChecksums } from './plain-checksums.ts';
export { PrepareChain, SeededRandom } from './prepare-chain.ts';
