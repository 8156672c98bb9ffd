import type { Mutant } from '../mutant.ts';

/** The primary takes itself for a copy while its journal is still writing. */
export const earlySelfCount: Mutant = {
  name: 'early-self-count',
  rule: 'the primary counts itself only when its copy is durable',
  edits: [
    {
      package: 'vsr',
      module: 'commit',
      find: 'durable[core.index] = ackableOp(state);',
      replace: 'durable[core.index] = headOp(state);',
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
