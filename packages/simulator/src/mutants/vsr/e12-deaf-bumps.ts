import type { Mutant } from '../mutant.ts';

/** A replica that hears nobody raises its view by itself, again and again, and drags the others along. */
export const e12DeafBumps: Mutant = {
  name: 'e12-deaf-bumps',
  rule: 'E12: StartViewChange does not change the view',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'if (count >= quorums.viewChange) joinView(core, state.view + 1);',
      replace: 'joinView(core, state.view + 1);',
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
