import type { Mutant } from '../mutant.ts';
import { ackBeforeMark } from './ack-before-mark.ts';
import { ackOfUndurableView } from './ack-of-undurable-view.ts';
import { ackOverHole } from './ack-over-hole.ts';
import { ageFromReceipt } from './age-from-receipt.ts';
import { ageOfPrimaryIsNone } from './age-of-primary-is-none.ts';
import { amnesiaIgnored } from './amnesia-ignored.ts';
import { answerAcceptedFromNormal } from './answer-accepted-from-normal.ts';
import { clockGoesBack } from './clock-goes-back.ts';
import { commitBelowQuorum } from './commit-below-quorum.ts';
import { duplicateAnsweredEarly } from './duplicate-answered-early.ts';
import { e2LogViewBeforeLog } from './e2-log-view-before-log.ts';
import { e3PromiseForgotten } from './e3-promise-forgotten.ts';
import { e5NonceReused } from './e5-nonce-reused.ts';
import { e6StartViewFromNormal } from './e6-start-view-from-normal.ts';
import { e7LostStartView } from './e7-lost-start-view.ts';
import { e7NormalPushedOut } from './e7-normal-pushed-out.ts';
import { e8CommitRewinds } from './e8-commit-rewinds.ts';
import { e9JournalTakenForCommitted } from './e9-journal-taken-for-committed.ts';
import { e9TailTrustedByNumber } from './e9-tail-trusted-by-number.ts';
import { e12DeafBumps } from './e12-deaf-bumps.ts';
import { e13Lease } from './e13-lease.ts';
import { e14OneNackDrops } from './e14-one-nack-drops.ts';
import { e14ShortVote } from './e14-short-vote.ts';
import { e15DamageReadAsAbsent } from './e15-damage-read-as-absent.ts';
import { e16Replication3 } from './e16-replication-3.ts';
import { e16Replication5 } from './e16-replication-5.ts';
import { e16Replication6 } from './e16-replication-6.ts';
import { e16ViewChange2 } from './e16-view-change-2.ts';
import { e16ViewChange3 } from './e16-view-change-3.ts';
import { e16ViewChange4 } from './e16-view-change-4.ts';
import { e16ViewChange5 } from './e16-view-change-5.ts';
import { e16ViewChange6 } from './e16-view-change-6.ts';
import { e19PrimaryResumes } from './e19-primary-resumes.ts';
import { e21UnanchoredSuffix } from './e21-unanchored-suffix.ts';
import { earlySelfCount } from './early-self-count.ts';
import { effectsBeforeCommit } from './effects-before-commit.ts';
import { faultyAsMissing } from './faulty-as-missing.ts';
import { faultyNacked } from './faulty-nacked.ts';
import { firstCopyStays } from './first-copy-stays.ts';
import { firstLogWins } from './first-log-wins.ts';
import { formedBelowQuorum } from './formed-below-quorum.ts';
import { handOverEarly } from './hand-over-early.ts';
import { headNotRebuilt } from './head-not-rebuilt.ts';
import { logViewWithoutHeaders } from './log-view-without-headers.ts';
import { markClearedEarly } from './mark-cleared-early.ts';
import { normalInPromisedView } from './normal-in-promised-view.ts';
import { oldSuspicionsCounted } from './old-suspicions-counted.ts';
import { oldViewAckCounted } from './old-view-ack-counted.ts';
import { oneNackIsEnough } from './one-nack-is-enough.ts';
import { prepareOfUndurableView } from './prepare-of-undurable-view.ts';
import { rankByView } from './rank-by-view.ts';
import { readIndexAlone } from './read-index-alone.ts';
import { readIndexEarlierAnswers } from './read-index-earlier-answers.ts';
import { readsBeforeFirstCommit } from './reads-before-first-commit.ts';
import { recoveringVotes } from './recovering-votes.ts';
import { recoveryEndedByAnyStartView } from './recovery-ended-by-any-start-view.ts';
import { repairClaimsCommitted } from './repair-claims-committed.ts';
import { repairNotRetried } from './repair-not-retried.ts';
import { sealedWhileFaulty } from './sealed-while-faulty.ts';
import { shorterLogWins } from './shorter-log-wins.ts';
import { stalePrepareOk } from './stale-prepare-ok.ts';
import { stampedAgain } from './stamped-again.ts';
import { startViewBelowPromise } from './start-view-below-promise.ts';
import { startViewClearsFaulty } from './start-view-clears-faulty.ts';
import { startsWithoutBodies } from './starts-without-bodies.ts';
import { stopDropsTail } from './stop-drops-tail.ts';
import { strictNack } from './strict-nack.ts';
import { switchAckedOverVolatile } from './switch-acked-over-volatile.ts';
import { toldLogCountsAsMissing } from './told-log-counts-as-missing.ts';
import { transferDropsAcked } from './transfer-drops-acked.ts';
import { transferKeepsContradiction } from './transfer-keeps-contradiction.ts';
import { transferOfOtherLossEpoch } from './transfer-of-other-loss-epoch.ts';
import { verdictForgotten } from './verdict-forgotten.ts';
import { waitersSurviveView } from './waiters-survive-view.ts';

/** Defects of the replication protocol. */
export const vsrMutants: readonly Mutant[] = [
  ackBeforeMark,
  ackOfUndurableView,
  ackOverHole,
  amnesiaIgnored,
  answerAcceptedFromNormal,
  clockGoesBack,
  commitBelowQuorum,
  duplicateAnsweredEarly,
  e12DeafBumps,
  e14OneNackDrops,
  e14ShortVote,
  e15DamageReadAsAbsent,
  e16Replication3,
  e16Replication5,
  e16Replication6,
  e16ViewChange2,
  e16ViewChange3,
  e16ViewChange4,
  e16ViewChange5,
  e16ViewChange6,
  e19PrimaryResumes,
  e2LogViewBeforeLog,
  e21UnanchoredSuffix,
  e3PromiseForgotten,
  e5NonceReused,
  e6StartViewFromNormal,
  e7LostStartView,
  e7NormalPushedOut,
  e8CommitRewinds,
  e9JournalTakenForCommitted,
  e9TailTrustedByNumber,
  earlySelfCount,
  effectsBeforeCommit,
  faultyAsMissing,
  faultyNacked,
  firstCopyStays,
  firstLogWins,
  formedBelowQuorum,
  handOverEarly,
  headNotRebuilt,
  logViewWithoutHeaders,
  markClearedEarly,
  normalInPromisedView,
  oldSuspicionsCounted,
  oldViewAckCounted,
  oneNackIsEnough,
  prepareOfUndurableView,
  rankByView,
  recoveringVotes,
  recoveryEndedByAnyStartView,
  repairClaimsCommitted,
  repairNotRetried,
  sealedWhileFaulty,
  shorterLogWins,
  stalePrepareOk,
  stampedAgain,
  startViewBelowPromise,
  startViewClearsFaulty,
  startsWithoutBodies,
  stopDropsTail,
  strictNack,
  switchAckedOverVolatile,
  toldLogCountsAsMissing,
  verdictForgotten,
  waitersSurviveView,
  ageFromReceipt,
  ageOfPrimaryIsNone,
  readsBeforeFirstCommit,
  readIndexAlone,
  readIndexEarlierAnswers,
  e13Lease,
  transferDropsAcked,
  transferKeepsContradiction,
  transferOfOtherLossEpoch,
];
