import { type Checksum, type Checksums, isChecksum, type Prepare, type PrepareHeader } from '@vireo/protocol';
import type { StorageError } from '../errors.ts';
import { JOURNAL_BLOCK, JOURNAL_DATA_START } from './file-header.ts';
import { FLUSH_HEAD_FIXED } from './flush-codec.ts';

export const JOURNAL_DIRECTORY = 'journal';

export interface JournalOptions {
  /** Cluster id, 32 hex digits: a journal of another cluster is refused. */
  readonly cluster: string;
  /** Id of this node: a journal of another node is refused. */
  readonly node: number;
  /** How often this node has started; written into every flush. @default 0 */
  readonly startCounter?: number;
  /** Files in the ring, at least 3. @default 8 */
  readonly fileCount?: number;
  /** Bytes of a file, a multiple of 4 KiB, at least 64 KiB. @default 64 MiB */
  readonly fileBytes?: number;
  /** A flush stops gathering beyond this many bytes. @default 16 MiB */
  readonly flushBytesMax?: number;
  /** Bytes that may wait for a flush before prepares are refused. @default 64 MiB */
  readonly queueBytesMax?: number;
}

/** Options with defaults, and the bounds that follow from them. */
export interface JournalSettings {
  readonly cluster: string;
  readonly node: number;
  readonly startCounter: number;
  readonly fileCount: number;
  readonly fileBytes: number;
  readonly flushBytesMax: number;
  readonly queueBytesMax: number;
  /** Bytes of a file that flushes can use. */
  readonly dataBytes: number;
  /** The index of one flush, bytes: it is written twice, and the copy must leave room for entries. */
  readonly indexBytesMax: number;
  /** The largest write that surely fits into an empty file. */
  readonly writeBytesMax: number;
  /** Bytes of the ring that only the flushes of `start` may use. */
  readonly openingReserve: number;
}

const MEBIBYTE = 1 << 20;
const FILE_BYTES_MIN = 64 * 1024;
const INDEX_BYTES_CAP = MEBIBYTE;

export function journalSettings(options: JournalOptions): JournalSettings {
  const fileBytes = options.fileBytes ?? 64 * MEBIBYTE;
  const indexBytesMax = Math.min(INDEX_BYTES_CAP, Math.floor(fileBytes / 8));
  const dataBytes = fileBytes - JOURNAL_DATA_START;
  return {
    cluster: options.cluster,
    node: options.node,
    startCounter: options.startCounter ?? 0,
    fileCount: options.fileCount ?? 8,
    fileBytes,
    flushBytesMax: options.flushBytesMax ?? 16 * MEBIBYTE,
    queueBytesMax: options.queueBytesMax ?? 64 * MEBIBYTE,
    dataBytes,
    indexBytesMax,
    writeBytesMax: dataBytes - FLUSH_HEAD_FIXED - indexBytesMax - JOURNAL_BLOCK,
    openingReserve: Math.floor(dataBytes / 8),
  };
}

/** What makes the settings unusable, or null. */
export function checkJournalSettings(settings: JournalSettings): StorageError | null {
  const problem = !isChecksum(settings.cluster)
    ? 'the cluster id is not 32 hex digits'
    : !Number.isInteger(settings.fileCount) || settings.fileCount < 3
      ? `a ring of ${settings.fileCount} files cannot be reused: at least 3 are needed`
      : settings.fileBytes < FILE_BYTES_MIN || settings.fileBytes % JOURNAL_BLOCK !== 0
        ? `file size ${settings.fileBytes} is not a multiple of 4 KiB of at least 64 KiB`
        : null;
  return problem === null ? null : { code: 'invalidOptions', message: problem, path: JOURNAL_DIRECTORY };
}

/** What storage needs of a source of random numbers. */
export interface SaltSource {
  /** An unsigned 32-bit integer. */
  u32(): number;
}

/** A salt of 128 random bits. */
export function drawSalt(random: SaltSource): Checksum {
  let salt = '';
  for (let i = 0; i < 4; i++) salt += (random.u32() >>> 0).toString(16).padStart(8, '0');
  return salt;
}

/**
 * One append: becomes durable as a whole or not at all, in the order prepares, state record, checkpoint.
 * `state`: an encoded state record, opaque here. `checkpoint`: everything of this group up to and including this
 * op is durable in its segments and snapshot.
 */
export interface JournalWrite {
  readonly prepares: readonly Prepare[];
  readonly state?: Buffer | null;
  readonly checkpoint?: number | null;
}

/** What the journal held when it was opened, in the order of the appends. */
export type JournalItem =
  | { readonly type: 'prepare'; readonly group: number; readonly prepare: Prepare }
  | { readonly type: 'state'; readonly group: number; readonly record: Buffer }
  | { readonly type: 'checkpoint'; readonly group: number; readonly op: number }
  /**
   * Ops that were durable here and cannot be read from this place any more. They are faulty unless another
   * item holds a valid copy. `lastChecksum`: of the prepare `lastOp`. `header`: of a single op, when its body alone
   * is damaged.
   */
  | {
      readonly type: 'faulty';
      readonly group: number;
      readonly firstOp: number;
      readonly lastOp: number;
      readonly lastChecksum: Checksum;
      readonly header?: PrepareHeader | undefined;
    };

export interface JournalWorld {
  readonly checksums: Checksums;
  readonly random: SaltSource;
}
