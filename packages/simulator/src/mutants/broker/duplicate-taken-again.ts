import type { Mutant } from '../mutant.ts';

/** A batch that the log has already is taken in a second time. */
export const duplicateTakenAgain: Mutant = {
  name: 'duplicate-taken-again',
  rule: 'a repeated sequence is answered, not applied',
  edits: [
    {
      package: 'broker',
      module: 'partition/machine',
      find: 'return this.#repeated(batch);',
      replace: 'return null;',
    },
  ],
  finders: ['14 idempotent producers', '2 acked is kept', '15 notApplied is in no log', 'liveness'],
};
