import type { Mutant } from '../mutant.ts';

/** The primary commits with one copy less than the quorum. */
export const commitBelowQuorum: Mutant = {
  name: 'commit-below-quorum',
  rule: 'an op is committed by a replication quorum of durable copies',
  edits: [
    {
      package: 'vsr',
      module: 'commit',
      find: 'durable[quorums.replication - 1] ?? 0',
      replace: 'durable[Math.max(0, quorums.replication - 2)] ?? 0',
    },
  ],
  finders: [
    '2 acked is kept',
    '1 canonical chain',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
