import type { Mutant } from '../mutant.ts';

/** Whoever answers a repair calls all of its log committed. */
export const repairClaimsCommitted: Mutant = {
  name: 'repair-claims-committed',
  rule: 'a repair says what is committed',
  edits: [
    {
      package: 'vsr',
      module: 'repair',
      find: 'return Math.min(core.state.commitMax, headOp(core.state));',
      replace: 'return headOp(core.state);',
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
