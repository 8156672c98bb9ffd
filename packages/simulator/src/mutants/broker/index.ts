import type { Mutant } from '../mutant.ts';
import { boundIgnored } from './bound-ignored.ts';
import { checkpointNotedEarly } from './checkpoint-noted-early.ts';
import { copiesForgotten } from './copies-forgotten.ts';
import { duplicateTakenAgain } from './duplicate-taken-again.ts';
import { e11TableAtRequest } from './e11-table-at-request.ts';
import { e17ReleasedEarly } from './e17-released-early.ts';
import { fencingIgnored } from './fencing-ignored.ts';
import { gapAdmitted } from './gap-admitted.ts';
import { judgedByCommittedState } from './judged-by-committed-state.ts';
import { oneAckBuffer } from './one-ack-buffer.ts';
import { promiseLostWithFile } from './promise-lost-with-file.ts';
import { replicaBuiltAnew } from './replica-built-anew.ts';
import { snapshotAheadOfSegment } from './snapshot-ahead-of-segment.ts';
import { snapshotOfLaterOp } from './snapshot-of-later-op.ts';
import { tokenIgnored } from './token-ignored.ts';
import { transferNeverGivenUp } from './transfer-never-given-up.ts';
import { transferPromiseTooEarly } from './transfer-promise-too-early.ts';
import { transferSnapshotFirst } from './transfer-snapshot-first.ts';
import { transferWithoutPause } from './transfer-without-pause.ts';
import { unknownGroupNacked } from './unknown-group-nacked.ts';
import { windowNotInSnapshot } from './window-not-in-snapshot.ts';

/** Defects of the node and its state machines. */
export const brokerMutants: readonly Mutant[] = [
  checkpointNotedEarly,
  copiesForgotten,
  duplicateTakenAgain,
  e11TableAtRequest,
  e17ReleasedEarly,
  fencingIgnored,
  gapAdmitted,
  judgedByCommittedState,
  oneAckBuffer,
  promiseLostWithFile,
  replicaBuiltAnew,
  snapshotAheadOfSegment,
  snapshotOfLaterOp,
  unknownGroupNacked,
  windowNotInSnapshot,
  boundIgnored,
  tokenIgnored,
  transferWithoutPause,
  transferSnapshotFirst,
  transferNeverGivenUp,
  transferPromiseTooEarly,
];
