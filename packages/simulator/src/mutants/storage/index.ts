import type { Mutant } from '../mutant.ts';
import { damageCutAsTorn } from './damage-cut-as-torn.ts';
import { fsyncRetried } from './fsync-retried.ts';
import { journalAnswersEarly } from './journal-answers-early.ts';
import { journalNotSynced } from './journal-not-synced.ts';
import { recordsReplayedBackwards } from './records-replayed-backwards.ts';
import { segmentNotSynced } from './segment-not-synced.ts';
import { snapshotNotSynced } from './snapshot-not-synced.ts';

/** Defects of journal, segments and snapshots. */
export const storageMutants: readonly Mutant[] = [
  damageCutAsTorn,
  fsyncRetried,
  journalAnswersEarly,
  journalNotSynced,
  recordsReplayedBackwards,
  segmentNotSynced,
  snapshotNotSynced,
];
