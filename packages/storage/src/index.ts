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
