import type { Mutant } from '../mutant.ts';

/** Who waited for an op gets the answer of the one that took its number in a later view. */
export const waitersSurviveView: Mutant = {
  name: 'waiters-survive-view',
  rule: 'who waits is told when the view is left',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: "for (const waiter of waiters) out.reply(waiter.requestId, { type: 'unknown', code: 'viewChanged' });",
      replace: '',
    },
    {
      package: 'vsr',
      module: 'view-change',
      find: 'state.waiters.clear();',
      replace: '',
    },
  ],
  finders: ['assertion'],
  assertionReason: 'the answer of a noop, which is none, is handed to a producer',
};
