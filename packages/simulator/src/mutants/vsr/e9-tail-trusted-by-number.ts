import type { Mutant } from '../mutant.ts';

/** A tail that reaches the op number of an anchor is taken for the log that leads to it. */
export const e9TailTrustedByNumber: Mutant = {
  name: 'e9-tail-trusted-by-number',
  rule: 'E9: a local tail is verified by its checksums',
  edits: [
    {
      package: 'vsr',
      module: 'repair',
      find: 'return checksumAt(state, suffix.anchorOp) === suffix.anchorChecksum;',
      replace: 'return checksumAt(state, suffix.anchorOp) !== null;',
    },
  ],
  finders: ['1 canonical chain'],
};
