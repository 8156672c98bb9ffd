import type { Mutant } from '../mutant.ts';

/** A late frame with an older commit number takes the commit back. */
export const e8CommitRewinds: Mutant = {
  name: 'e8-commit-rewinds',
  rule: 'E8: commitMin and commitMax are monotone in a run',
  edits: [
    {
      package: 'vsr',
      module: 'normal',
      find: 'if (commitMax > state.commitMax) {',
      replace: 'if (commitMax !== state.commitMax) {',
    },
  ],
  finders: ['3 monotone'],
};
