import type { Mutant } from '../mutant.ts';

/** A new primary decides with one vote less than the quorum. */
export const formedBelowQuorum: Mutant = {
  name: 'formed-below-quorum',
  rule: 'a view is formed from the votes of a view-change quorum',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'if (votes.length < quorums.viewChange) return;',
      replace: 'if (votes.length < quorums.viewChange - 1) return;',
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
