/** For tests and simulations of what stands on a `Disk`. */

export { type JournalMap, type MappedFlush, type MappedPrepare, mapJournal } from './journal-map.ts';
export * from './memory-disk.ts';
export { type Below, SECTOR_BYTES } from './memory-file.ts';
export { plainChecksums } from './plain-checksums.ts';
export { PrepareChain, SeededRandom } from './prepare-chain.ts';
