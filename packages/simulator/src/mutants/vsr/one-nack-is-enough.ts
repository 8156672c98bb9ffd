import type { Mutant } from '../mutant.ts';

/** One replica that never held an op drops it, though another may have lost it. */
export const oneNackIsEnough: Mutant = {
  name: 'one-nack-is-enough',
  rule: 'an op is dropped only by a nack quorum',
  edits: [
    {
      package: 'vsr',
      module: 'quorums',
      find: 'nack: n - replication + 1',
      replace: 'nack: 1',
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '3 monotone',
    '6 prepareOk is durable',
    '7 no vote while recovering',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
