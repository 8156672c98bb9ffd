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
  finders: ['6 prepareOk is durable'],
};
