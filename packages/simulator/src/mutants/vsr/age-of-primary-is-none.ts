import type { Mutant } from '../mutant.ts';

/** Who leads takes what it knows for new, whether anybody answers it or not. */
export const ageOfPrimaryIsNone: Mutant = {
  name: 'age-of-primary-is-none',
  rule: 'a primary is as fresh as the oldest of a replication quorum of answers',
  edits: [
    {
      package: 'vsr',
      module: 'age',
      find: 'answered[quorums.replication - 1]',
      replace: 'answered[0]',
    },
  ],
  finders: ['13 reads as asked'],
};
