import { at, directed, found, type Standing, sought, waits } from './coverage-table-standing.ts';

/** Every other defect that the design wants put back, and those that were found on the way. */
export const mutantRows: readonly [string, Standing][] = [
  [
    'primary counts itself before it is durable',
    found('early-self-count', '1, 1, 1, 1, 1', '2 acked is kept'),
  ],
  [
    'PrepareOk older than its persisted event',
    found('stale-prepare-ok', '96, 9, 385, 39, 74', '6 prepareOk is durable'),
  ],
  [
    'logView durable without its headers',
    found('log-view-without-headers', '9, 1, 27, 12, 10', '6 prepareOk is durable'),
  ],
  ['side effects before commit', found('effects-before-commit', '1, 1, 1, 1, 1', '3 monotone')],
  ['DoViewChange ranked by view', found('rank-by-view', '77, 282, 128, 228, 66', '1 canonical chain')],
  [
    'clean shutdown drops the uncommitted tail',
    found('stop-drops-tail', '21, 5, 43, 25, 21', '8 nacked was never acked', '9 no truncation'),
  ],
  [
    'clean mark while entries are faulty',
    directed(
      'sealed-while-faulty',
      'stop-over-lost-ops',
      '7 no vote while recovering',
      'a stop has to fall between the answer that ends a recovery and the bodies that it asks for next',
    ),
  ],
  ['mark set only at the first ack', found('ack-before-mark', '2, 1, 9, 1, 15', '6 prepareOk is durable')],
  [
    'answer to a nonce accepted from normal',
    found('answer-accepted-from-normal', '8, 3, 11, 3, 3', '9 no truncation'),
  ],
  [
    'recoveringHead left by any StartView',
    found('recovery-ended-by-any-start-view', '1, 2, 3, 3, 3', '7 no vote while recovering'),
  ],
  [
    'verdict forgotten at the next restart',
    directed(
      'verdict-forgotten',
      'verdict-outlives-the-damage',
      '6 prepareOk is durable',
      'the damage has to be gone before the recovery ends: drawn, and not hunted to the end',
    ),
  ],
  [
    'damaged head cut as torn',
    found('damage-cut-as-torn', '1, 2, 7, 1, 1', '6 prepareOk is durable', 'assertion', '3 monotone'),
  ],
  [
    'state record lost with a reused journal file',
    found('promise-lost-with-file', '6, 2, 4, 6, 2', 'assertion'),
  ],
  ['view entered alone in a new epoch', waits('membership change')],
  ['own first view of an epoch', waits('membership change')],
  ['op prepared behind Reconfigure', waits('membership change')],
  ['acks in a new epoch without its log', waits('membership change')],
  [
    'Prepare of a view that is not durable',
    found('prepare-of-undurable-view', '1, 1, 1, 1, 1', '5 durable view'),
  ],
  [
    'replica built anew from metadata',
    found('replica-built-anew', '1, 1, 1, 1, 1', '6 prepareOk is durable', '3 monotone'),
  ],
  [
    'nack refused when only the header is known',
    found('strict-nack', '2, 2, 1, 1, 2', '8 nacked was never acked'),
  ],
  ['old-view acks counted in a new view', found('old-view-ack-counted', '1, 3, 1, 1, 1', '2 acked is kept')],
  ['one nack is enough', found('one-nack-is-enough', '108, 23, 8, 23, 62', '8 nacked was never acked')],
  [
    'StartView clears faulty',
    directed(
      'start-view-clears-faulty',
      'last-copies-of-an-op',
      '8 nacked was never acked',
      'an op has to be on two nodes alone that end together, one of them damaged: drawn, and not hunted to the end',
    ),
  ],
  ['re-stamping at backups', found('stamped-again', '1, 1, 1, 1, 1', 'liveness', '1 canonical chain')],
  ['roll or seal by local clock', waits('retention')],
  [
    'reads before the first commit of the view',
    found('reads-before-first-commit', '5, 14, 1, 31, 36', '13 reads as asked'),
  ],
  [
    'linearizable read at a primary that asks no quorum',
    found('read-index-alone', '18, 63, 45, 8, 5', '13 reads as asked'),
  ],
  [
    'linearizable read counts answers from before it arrived',
    found('read-index-earlier-answers', '9, 8, 21, 2, 18', '13 reads as asked'),
  ],
  ['age of a read counted from receipt', found('age-from-receipt', '9, 3, 3, 4, 4', '13 reads as asked')],
  [
    'a primary that is cut off says age 0',
    found('age-of-primary-is-none', '20, 7, 4, 2, 18', '13 reads as asked'),
  ],
  ['token of a read ignored', found('token-ignored', '2, 2, 1, 1, 1', '13 reads as asked')],
  ['bound on the age of a read ignored', found('bound-ignored', '1, 1, 1, 1, 1', '13 reads as asked')],
  ['dedup evicted by local time', waits('session expiry')],
  ['all groups failing over to one neighbour', waits('membership change')],
  ['coalesced heartbeats hide a wedged group', waits('limits of capacity in runs')],
  ['Buffer changed after it was handed to send', found('one-ack-buffer', '1, 1, 1, 1, 1', 'assertion')],
  ['directory entries not synced', at('nothing yet: entries of a simulated disk are durable at once')],
  ['metadata applied late answered with a nack', found('unknown-group-nacked', '5, 1, 1, 2, 3', 'liveness')],
  ['snapshot ahead of its segment', found('snapshot-ahead-of-segment', '1, 1, 1, 1, 1', 'assertion')],
  ['segment files deleted before the checkpoint', waits('retention')],
  ['fsync retried', found('fsync-retried', '6, 26, 28, 1, 1', 'liveness')],
  ['reads queued before fsyncs', waits('limits of capacity in runs')],
  ['a queue without a limit', waits('limits of capacity in runs')],
  [
    'lanes: fencing ignored',
    found('fencing-ignored', '1, 4, 1, 1, 1', '2 acked is kept', '14 idempotent producers'),
  ],
  [
    'lanes: unanswered batch sent again in a new epoch',
    found('client-unanswered-sent-again', '6, 3, 1, 9, 6', '14 idempotent producers'),
  ],
  [
    'lanes: no epoch raised when giving up',
    found('client-no-new-epoch', '1, 1, 1, 1, 1', '14 idempotent producers', '2 acked is kept'),
  ],
  [
    'lanes: retry under a new sequence',
    found('client-new-sequence', '1, 1, 1, 1, 1', 'liveness', '14 idempotent producers'),
  ],
  [
    'lanes: judged by committed state',
    found('judged-by-committed-state', '5, 1, 8, 2, 15', '14 idempotent producers'),
  ],
  ['lanes: changed in the middle', waits('session expiry')],
  ['lanes: no evictedMax, expiry judged at the head', waits('session expiry')],
  [
    'commit with one copy less than a quorum',
    found('commit-below-quorum', '1, 1, 1, 1, 1', '2 acked is kept'),
  ],
  [
    'view formed with one vote less than a quorum',
    found('formed-below-quorum', '3, 8, 1, 8, 69', '1 canonical chain'),
  ],
  ['the shorter of two logs of a view wins', found('shorter-log-wins', '2, 1, 1, 1, 1', '1 canonical chain')],
  ['the first log of the latest view wins', found('first-log-wins', '2, 16, 5, 16, 9', '1 canonical chain')],
  [
    'PrepareOk of a view that is not durable',
    found('ack-of-undurable-view', '1, 1, 1, 1, 1', '5 durable view'),
  ],
  [
    'StartView below the promised view',
    found('start-view-below-promise', '27, 21, 135, 35, 2', '3 monotone'),
  ],
  [
    'duplicate answered before its op commits',
    found('duplicate-answered-early', '5, 1, 8, 5, 8', '2 acked is kept'),
  ],
  ['fsync skipped: segments', found('segment-not-synced', '2, 1, 1, 1, 2', 'assertion')],
  ['fsync skipped: snapshots', found('snapshot-not-synced', '1, 1, 1, 1, 1', 'assertion')],
  ['fsync skipped: journal', found('journal-not-synced', '1, 1, 1, 1, 1', 'assertion')],
  [
    'journal answers before its write is done',
    found(
      'journal-answers-early',
      '5, 1, 6, 2, 1',
      '4 one primary a view',
      '3 monotone',
      '1 canonical chain',
      '6 prepareOk is durable',
    ),
  ],
  ['replay order wrong', found('records-replayed-backwards', '1, 1, 1, 1, 1', '3 monotone')],
  [
    'checkpoint recorded before its snapshot',
    found('checkpoint-noted-early', '1, 8, 10, 12, 6', 'assertion'),
  ],
  ['snapshot of a later op', found('snapshot-of-later-op', '1, 1, 1, 1, 1', 'assertion')],
  ['duplicates applied again', found('duplicate-taken-again', '1, 1, 4, 1, 1', '14 idempotent producers')],
  [
    'head not rebuilt at the start of a view',
    found('head-not-rebuilt', '1, 4, 1, 2, 7', '13 committed reads', 'assertion'),
  ],
  ['waiters survive a view change', found('waiters-survive-view', '3, 3, 2, 1, 2', 'assertion')],
  ['suspicions of an older view counted', found('old-suspicions-counted', '1, 1, 1, 1, 2', 'liveness')],
  [
    'view started without all its bodies',
    found('starts-without-bodies', '2, 16, 8, 5, 27', '13 committed reads', 'assertion'),
  ],
  ['ack over a hole', found('ack-over-hole', '10, 1, 2, 5, 2', '6 prepareOk is durable')],
  ['repair not retried', found('repair-not-retried', '3, 7, 1, 3, 12', 'liveness')],
  ['timestamps go back', found('clock-goes-back', '2, 3, 3, 2, 2', '10 dense offsets')],
  ['dedup window lost in a snapshot', found('window-not-in-snapshot', '6, 2, 4, 15, 8', 'liveness')],
  [
    'repair claims that all is committed',
    found('repair-claims-committed', '1, 1, 1, 1, 1', '2 acked is kept'),
  ],
  [
    'normal in a promised view after a restart',
    found('normal-in-promised-view', '1, 2, 4, 1, 4', '5 durable view'),
  ],
  ['sequence gap admitted', found('gap-admitted', '5, 1, 4, 2, 3', '2 acked is kept')],
  [
    'an amnesiac votes',
    found('recovering-votes', '1, 3, 7, 3, 1', '6 prepareOk is durable', '8 nacked was never acked'),
  ],
  [
    'later copy does not replace',
    sought('first-copy-stays', 'from four of five in 10, 1, 47 and 17, not from 40001 within 60'),
  ],
  ['checkpoint copies forgotten', found('copies-forgotten', '92, 8, 46, 36, 107', 'assertion', 'liveness')],
  ['a faulty entry is nacked', found('faulty-nacked', '1, 1, 4, 8, 11', '8 nacked was never acked')],
  [
    'what a recovering replica lacks counts as missing',
    found('told-log-counts-as-missing', '1, 1, 4, 10, 13', '8 nacked was never acked'),
  ],
  [
    'mark cleared early at a switch to disk',
    found('mark-cleared-early', '25, 1, 9, 1, 12', '7 no vote while recovering'),
  ],
  [
    'switch acked before what is below is durable',
    found('switch-acked-over-volatile', '4, 1, 4, 1, 1', '6 prepareOk is durable'),
  ],
  [
    'transfer: a chunk is not verified',
    sought('transfer-chunk-not-verified', 'from 10001 in 7, not from 1 within 40'),
  ],
  [
    'transfer: installed before it is complete',
    sought('transfer-installed-incomplete', 'not hunted to the end'),
  ],
  ['transfer: snapshot before its segments', sought('transfer-snapshot-first', 'not from 10001 within 40')],
  ['transfer: the replica goes on meanwhile', sought('transfer-without-pause', 'not from seed 1 within 40')],
  [
    'transfer: promise in front of its ops',
    sought('transfer-promise-too-early', 'hunted with other faults: in 16, 9, 19, 6 and 3'),
  ],
  ['transfer: repair stays off when it fails', sought('transfer-never-given-up', 'not hunted to the end')],
  [
    'transfer: what was acked above goes',
    found('transfer-drops-acked', '7, 7, 35, 7, 10', '6 prepareOk is durable', '8 nacked was never acked'),
  ],
  ['transfer: a contradiction stays', sought('transfer-keeps-contradiction', 'not hunted to the end')],
  [
    'transfer: of another lossEpoch',
    sought('transfer-of-other-loss-epoch', 'not hunted: what comes of it begins with a loss that is said'),
  ],
  [
    'leadership handed over to one who lacks the end',
    found('hand-over-early', '25, 13, 95, 159, 87', 'liveness'),
  ],
  ['consumer groups: tenures, claims, commits, seeks', waits('consumer groups')],
  ['dedup by id: evicted early', waits('deduplication by id')],
  ['scrubber repairs from a damaged peer', waits('scrubber')],
];
