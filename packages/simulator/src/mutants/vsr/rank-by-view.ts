import type { Mutant } from '../mutant.ts';

/** The longest log wins, though a shorter one of a later view holds what was committed since. */
export const rankByView: Mutant = {
  name: 'rank-by-view',
  rule: 'DoViewChanges rank by logView, not by view',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'vote.logView > canonical.logView',
      replace: 'vote.view > canonical.view',
    },
    {
      package: 'vsr',
      module: 'view-change',
      find: 'vote.logView === canonical.logView',
      replace: 'vote.view === canonical.view',
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '6 prepareOk is durable',
    '8 nacked was never acked',
  ],
};
