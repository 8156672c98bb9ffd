import type { Mutant } from '../mutant.ts';

/** An op in memory is acked before the mark is durable. */
export const ackBeforeMark: Mutant = {
  name: 'ack-before-mark',
  rule: 'nothing that is not durable is acked before the mark is',
  edits: [
    {
      package: 'vsr',
      module: 'mode',
      find: 'isDurable || state.durableMark',
      replace: 'true',
    },
  ],
  finders: [
    '6 prepareOk is durable',
    '1 canonical chain',
    '2 acked is kept',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
