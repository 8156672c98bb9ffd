import type { Mutant } from '../mutant.ts';

/** A subscription begins at once, whatever its reader has seen elsewhere. */
export const tokenIgnored: Mutant = {
  name: 'token-ignored',
  rule: 'a replica has applied what a token names before it answers',
  edits: [
    {
      package: 'broker',
      module: 'node/subscriptions',
      find: 'token.op > state.commitMin',
      replace: 'token.op < 0',
    },
  ],
  finders: ['13 reads as asked'],
};
