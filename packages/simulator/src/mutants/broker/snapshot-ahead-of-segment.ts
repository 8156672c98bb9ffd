import type { Mutant } from '../mutant.ts';

/** A snapshot is written while the segments below it are not. */
export const snapshotAheadOfSegment: Mutant = {
  name: 'snapshot-ahead-of-segment',
  rule: 'segments are synced before the snapshot that builds on them',
  edits: [
    {
      package: 'broker',
      module: 'node/checkpoint',
      find: 'group.log.sync((syncError) => {',
      replace: '((done) => done(null))((syncError) => {',
    },
  ],
  finders: [
    'assertion',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '3 monotone',
    '5 durable view',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
