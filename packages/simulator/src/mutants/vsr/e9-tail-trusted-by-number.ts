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
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
