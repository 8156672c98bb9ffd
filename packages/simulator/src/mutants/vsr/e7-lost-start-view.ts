import type { Mutant } from '../mutant.ts';

/** A StartView that was lost is never sent again: whoever missed it stays in the change to that view. */
export const e7LostStartView: Mutant = {
  name: 'e7-lost-start-view',
  rule: 'E7: a normal primary answers a DoViewChange of its own view with StartView',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'if (state.started) sendStartView(core, from, 0);',
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
