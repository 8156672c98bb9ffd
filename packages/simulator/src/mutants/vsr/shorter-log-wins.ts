import type { Mutant } from '../mutant.ts';

/** Of two logs of the same view the shorter one is taken. */
export const shorterLogWins: Mutant = {
  name: 'shorter-log-wins',
  rule: 'of the logs with the highest logView the longest is canonical',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'vote.logView === canonical.logView && longer',
      replace: 'vote.logView === canonical.logView && !longer',
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
