import type { Mutant } from '../mutant.ts';

/** A backup counts from when the answer came, not from when it asked. */
export const ageFromReceipt: Mutant = {
  name: 'age-from-receipt',
  rule: 'an age counts from the sending of the question that the answer names',
  edits: [
    {
      package: 'vsr',
      module: 'age',
      find: 'asOfMs: answer.sentMs - answer.ageMs,',
      replace: 'asOfMs: core.clock.monotonicMs() - answer.ageMs,',
    },
  ],
  finders: ['13 reads as asked'],
};
