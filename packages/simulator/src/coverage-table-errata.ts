import { at, found, type Standing, waits } from './coverage-table-standing.ts';

/** The errata of the protocol, E1 to E21, and their variants. */
export const errataRows: readonly [string, Standing][] = [
  [
    'E1 the own log discarded before its replacement is here',
    found('e1-log-discarded-first', '4, 1, 1, 2, 7', 'assertion', '1 canonical chain'),
  ],
  ['E2 logView adopted before its log', found('e2-log-view-before-log', '2, 1, 1, 1, 2', 'liveness')],
  ['E3 promise forgotten in a crash', found('e3-promise-forgotten', '1, 1, 1, 1, 1', '5 durable view')],
  [
    'E4 more than f down at once',
    found('amnesia-ignored', '1, 1, 4, 1, 8', '6 prepareOk is durable', '7 no vote while recovering'),
  ],
  ['E5 nonce reused', found('e5-nonce-reused', '2, 2, 2, 2, 3', '7 no vote while recovering')],
  [
    'E6 StartView accepted from normal',
    found(
      'e6-start-view-from-normal',
      '10, 71, 81, 39, 21',
      '6 prepareOk is durable',
      'liveness',
      '2 acked is kept',
    ),
  ],
  [
    'E7 StartViewChange pushes normal into view change',
    found('e7-normal-pushed-out', '1, 1, 1, 1, 2', 'liveness'),
  ],
  ['E7 a lost StartView is not sent again', found('e7-lost-start-view', '1, 1, 5, 1, 1', 'liveness')],
  ['E8 commit rewinds', found('e8-commit-rewinds', '1, 3, 3, 3, 1', '3 monotone')],
  [
    'E9 local tail trusted after recovery',
    found('e9-journal-taken-for-committed', '1, 1, 1, 1, 3', '2 acked is kept'),
  ],
  [
    'E9 local tail trusted by its number',
    found('e9-tail-trusted-by-number', '7, 1, 21, 4, 3', '1 canonical chain'),
  ],
  ['E10 client recovers by +2', waits('named producers')],
  [
    'E11 table updated at request time',
    found(
      'e11-table-at-request',
      '117, 37, 9, 112, 36',
      '2 acked is kept',
      '14 idempotent producers',
      'liveness',
    ),
  ],
  ['E12 a deaf replica bumps the view for ever', found('e12-deaf-bumps', '1, 1, 1, 1, 1', 'liveness')],
  ['E13 leases', found('e13-lease', '20, 7, 4, 2, 18', '13 reads as asked')],
  ['E14 truncation without proof', found('e14-short-vote', '1, 1, 1, 1, 1', '1 canonical chain')],
  ['E14 one nack outweighs a body', found('e14-one-nack-drops', '1, 1, 1, 1, 1', '1 canonical chain')],
  [
    'E15 corrupt read as absent',
    found('e15-damage-read-as-absent', '1, 3, 7, 6, 3', '6 prepareOk is durable', 'assertion'),
  ],
  ['E15 faulty taken for missing', found('faulty-as-missing', '4, 9, 1, 8, 3', '8 nacked was never acked')],
  [
    'E16 quorums that do not intersect: replication, n = 3',
    found('e16-replication-3', '1, 1, 1, 1, 1', '2 acked is kept'),
  ],
  [
    'E16 quorums that do not intersect: replication, n = 5',
    found('e16-replication-5', '3, 3, 3, 3, 3', '2 acked is kept'),
  ],
  [
    'E16 quorums that do not intersect: view change, n = 3',
    found('e16-view-change-3', '1, 1, 1, 1, 1', 'liveness'),
  ],
  [
    'E16 quorums that do not intersect: view change, n = 5',
    found('e16-view-change-5', '3, 3, 3, 3, 3', 'liveness'),
  ],
  [
    'E16 quorums that do not intersect: view change, n = 4',
    found('e16-view-change-4', '22, 6, 22, 6, 21', 'liveness', '2 acked is kept'),
  ],
  [
    'E16 quorums that do not intersect: view change, n = 2',
    found('e16-view-change-2', '14, 30, 14, 30, 14', 'liveness'),
  ],
  [
    'E16 quorums that do not intersect: view change, n = 6',
    found('e16-view-change-6', '30, 14, 30, 14, 30', 'liveness'),
  ],
  [
    'E16 quorums that do not intersect: replication, n = 6',
    found('e16-replication-6', '30, 14, 30, 14, 30', '2 acked is kept'),
  ],
  ['E17 log reused before its checkpoint', found('e17-released-early', '2, 1, 1, 1, 2', 'assertion')],
  [
    'E18 ack names only the number',
    at('nothing of its own: it shows only together with E19, which is found'),
  ],
  ['E19 restarted primary resumes', found('e19-primary-resumes', '1, 1, 1, 1, 1', '4 one primary a view')],
  ['E20 wiped replica nacks', waits('membership change')],
  ['E21 unanchored suffix executed', found('e21-unanchored-suffix', '7, 1, 21, 4, 3', '1 canonical chain')],
];
