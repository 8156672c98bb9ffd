import type { Mutant } from '../mutant.ts';

/** StartViewChanges of an older view count in the next. */
export const oldSuspicionsCounted: Mutant = {
  name: 'old-suspicions-counted',
  rule: 'a StartViewChange counts in its view only',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'state.suspects.fill(-1);',
      replace: '',
    },
  ],
  finders: [
    'liveness',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
  ],
};
