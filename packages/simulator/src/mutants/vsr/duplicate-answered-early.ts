import type { Mutant } from '../mutant.ts';

/** A retry of a batch in flight is acked before that batch commits. */
export const duplicateAnsweredEarly: Mutant = {
  name: 'duplicate-answered-early',
  rule: 'a duplicate is answered when its op commits',
  edits: [
    {
      package: 'vsr',
      module: 'normal',
      find: 'if (op <= core.state.commitMin) core.out.reply',
      replace: 'if (op > 0) core.out.reply',
    },
  ],
  finders: [
    '2 acked is kept',
    '1 canonical chain',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
