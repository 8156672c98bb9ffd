import type { Mutant } from '../mutant.ts';

/** The mark is cleared with the switch to disk, before what was applied in memory is durable. */
export const markClearedEarly: Mutant = {
  name: 'mark-cleared-early',
  rule: 'the mark is cleared only when all that is held is durable',
  edits: [
    {
      package: 'vsr',
      module: 'mode',
      find: "if (state.modeOps === 0 && state.mode === 'disk') return isVolatile(state);",
      replace: "if (state.modeOps === 0 && state.mode === 'disk') return false;",
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '3 monotone',
    '6 prepareOk is durable',
    '7 no vote while recovering',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
