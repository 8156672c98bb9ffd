export * from './disk.ts';
export type { Opened, StorageError, StorageErrorCode } from './errors.ts';
export { Journal, type JournalOpening } from './journal/journal.ts';
export type {
  JournalItem,
  JournalOptions,
  JournalWrite,
  SaltSource,
} from './journal/journal-options.ts';
export type { JournalReport } from './journal/open-journal.ts';
export type { JournalDamage } from './journal/replay.ts';
export type { JournalFileGroup, JournalPressure } from './journal/ring.ts';
export {
  GroupLog,
  type GroupLogOptions,
  type LogChunk,
  type ReadChunkDone,
  type ReadOpsDone,
} from './log/group-log.ts';
export type { GroupLogReport } from './log/open-log.ts';
export type { LogEnd } from './log/sparse-index.ts';
export { type Snapshot, SnapshotStore, type SnapshotsOpened } from './snapshot/snapshot-store.ts';
export { CHUNK_BYTES } from './transfer/chunks.ts';
export { LeafCache } from './transfer/leaf-cache.ts';
export {
  decodeManifest,
  encodeManifest,
  MANIFEST_BYTES_MAX,
  type Manifest,
  manifestSize,
} from './transfer/manifest.ts';
export { StagedTransfer } from './transfer/staged-transfer.ts';
export { isStaged } from './transfer/staging.ts';
export { type ChunkPlace, TransferSource } from './transfer/transfer-source.ts';
