import type { Mutant } from '../mutant.ts';

/** A backup acks in a view that it may have forgotten after a crash. */
export const ackOfUndurableView: Mutant = {
  name: 'ack-of-undurable-view',
  rule: 'no PrepareOk of a view that is not durable',
  edits: [
    {
      package: 'vsr',
      module: 'normal',
      find: 'if (!state.ackDue || !viewIsDurable(core)) return;',
      replace: 'if (!state.ackDue) return;',
    },
  ],
  finders: ['5 durable view'],
};
