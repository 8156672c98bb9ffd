import type { Mutant } from '../mutant.ts';

/** A retry of a batch in flight is judged as if that batch were not in the log. */
export const judgedByCommittedState: Mutant = {
  name: 'judged-by-committed-state',
  rule: 'attempts are judged as of the head',
  edits: [
    {
      package: 'broker',
      module: 'partition/head',
      find: 'const pending = this.#lanes.get(producerId);',
      replace: 'const pending = undefined;',
    },
  ],
  finders: ['14 idempotent producers', '2 acked is kept', '15 notApplied is in no log', 'liveness'],
};
