import type { Mutant } from '../mutant.ts';
import { damageCutAsTorn } from './damage-cut-as-torn.ts';
import { e1LogDiscardedFirst } from './e1-log-discarded-first.ts';
import { fsyncRetried } from './fsync-retried.ts';
import { journalAnswersEarly } from './journal-answers-early.ts';
import { journalNotSynced } from './journal-not-synced.ts';
import { recordsReplayedBackwards } from './records-replayed-backwards.ts';
import { segmentNotSynced } from './segment-not-synced.ts';
import { snapshotNotSynced } from './snapshot-not-synced.ts';
import { transferChunkNotVerified } from './transfer-chunk-not-verified.ts';
import { transferInstalledIncomplete } from './transfer-installed-incomplete.ts';

/** Defects of journal, segments and snapshots. */
export const storageMutants: readonly Mutant[] = [
  damageCutAsTorn,
  fsyncRetried,
  journalAnswersEarly,
  journalNotSynced,
  recordsReplayedBackwards,
  segmentNotSynced,
  snapshotNotSynced,
  e1LogDiscardedFirst,
  transferChunkNotVerified,
  transferInstalledIncomplete,
];
