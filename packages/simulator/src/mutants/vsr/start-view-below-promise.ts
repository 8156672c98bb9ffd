import type { Mutant } from '../mutant.ts';

/** A StartView of an older view is accepted after a newer one was promised. */
export const startViewBelowPromise: Mutant = {
  name: 'start-view-below-promise',
  rule: 'nothing of a view below the promised one is accepted',
  edits: [
    {
      package: 'vsr',
      module: 'replica',
      find: 'if (message.view < state.view) {',
      replace: "if (message.view < state.view && message.type !== 'startView') {",
    },
    {
      package: 'vsr',
      module: 'start-view',
      find: 'if (message.view <= state.view && !awaited) return;',
      replace: 'if (message.view <= state.logView) return;',
    },
  ],
  finders: ['3 monotone'],
};
