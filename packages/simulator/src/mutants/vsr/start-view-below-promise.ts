import type { Mutant } from '../mutant.ts';

/** A StartView of an older view is accepted after a newer one was promised. */
export const startViewBelowPromise: Mutant = {
  name: 'start-view-below-promise',
  rule: 'nothing of a view below the promised one is accepted',
  edits: [
    {
      package: 'vsr',
      module: 'start-view',
      find: 'if (message.view > state.view || awaited) takeUp(core, message);',
      replace: 'if (message.view > state.logView || awaited) takeUp(core, message);',
    },
  ],
  finders: ['3 monotone'],
};
