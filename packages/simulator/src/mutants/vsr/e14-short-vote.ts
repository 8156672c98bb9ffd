import type { Mutant } from '../mutant.ts';

/** The log of a new view ends at the commit number: what was acked above it is cut without any proof. */
export const e14ShortVote: Mutant = {
  name: 'e14-short-vote',
  rule: 'E14: an op above the commit number goes only by a nack quorum',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'if (header.op > commitMax) {',
      replace: 'if (header.op > commitMax) { break;',
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
