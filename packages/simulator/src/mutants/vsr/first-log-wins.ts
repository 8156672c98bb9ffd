import type { Mutant } from '../mutant.ts';

/** Of the logs of the latest view the first one is taken, however short. */
export const firstLogWins: Mutant = {
  name: 'first-log-wins',
  rule: 'of the logs with the highest logView the longest is canonical',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'vote.logView === canonical.logView && longer',
      replace: 'false',
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
