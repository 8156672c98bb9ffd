import type { Mutant } from '../mutant.ts';

/** A StartView that was sent again or late cuts what was prepared and acked in the view since. */
export const e6StartViewFromNormal: Mutant = {
  name: 'e6-start-view-from-normal',
  rule: 'E6: StartView is never accepted from normal in the same view',
  edits: [
    {
      package: 'vsr',
      module: 'start-view',
      find: "state.status === 'viewChange' && state.logView < message.view",
      replace: 'true',
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '8 nacked was never acked',
  ],
};
