import type { Mutant } from '../mutant.ts';

/** A switch to disk is acked while what lies below it is in memory. */
export const switchAckedOverVolatile: Mutant = {
  name: 'switch-acked-over-volatile',
  rule: 'an ack that covers a switch to disk claims disk for all before it',
  edits: [
    {
      package: 'vsr',
      module: 'mode',
      find: 'if (state.mustSync > state.checkpointOp) return op;',
      replace: '',
    },
    {
      package: 'vsr',
      module: 'mode',
      find: 'let isDurable = !isVolatile(state);',
      replace: 'let isDurable = true;',
    },
    // The mark is set for as long as something is volatile: either rule alone keeps such an ack back.
    {
      package: 'vsr',
      module: 'mode',
      find: ": isDurable && (head === 'memory' || !state.durableMark);",
      replace: ': entry.durable;',
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
