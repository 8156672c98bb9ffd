import type { Mutant } from '../mutant.ts';

/** A transfer that came to nothing leaves the repair of single ops off. */
export const transferNeverGivenUp: Mutant = {
  name: 'transfer-never-given-up',
  rule: 'a transfer that comes to nothing leaves the replica to repair',
  edits: [
    {
      package: 'broker',
      module: 'node/transfer/transfers',
      find: 'this.#hold(group, false);',
      replace: '',
    },
  ],
  finders: ['liveness'],
};
