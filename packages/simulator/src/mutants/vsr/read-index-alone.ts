import type { Mutant } from '../mutant.ts';

/** A primary answers for itself: it asks nobody whether it leads still. */
export const readIndexAlone: Mutant = {
  name: 'read-index-alone',
  rule: 'a replication quorum confirms each read at the primary',
  edits: [
    {
      package: 'vsr',
      module: 'read-index',
      find: 'answered.sort((a, b) => b - a); return answered[quorums.replication - 1]',
      replace: 'answered.sort((a, b) => b - a); return answered[0]',
    },
  ],
  finders: ['13 reads as asked'],
};
