import type { Mutant } from '../mutant.ts';

/** A lane goes on in its epoch after it gave up a batch. */
export const clientNoNewEpoch: Mutant = {
  name: 'client-no-new-epoch',
  rule: 'a lane epoch is raised when a batch is given up',
  edits: [
    {
      package: 'simulator',
      module: 'clients/lane',
      find: 'this.#epoch += 1;',
      replace: '',
    },
  ],
  finders: ['14 idempotent producers', '2 acked is kept', '15 notApplied is in no log', 'liveness'],
};
