import type { Mutant } from '../mutant.ts';

/** A tail of an older view stays on a checkpoint that contradicts it. */
export const transferKeepsContradiction: Mutant = {
  name: 'transfer-keeps-contradiction',
  rule: 'what contradicts a checkpoint that was taken up goes',
  edits: [
    {
      package: 'vsr',
      module: 'transfer',
      find: 'checksumAt(state, op) === checksum ?',
      replace: 'state.log.length > 0 ?',
    },
  ],
  finders: ['assertion', '1 canonical chain', '6 prepareOk is durable', '2 acked is kept'],
  assertionReason: 'a log that is no chain is what comes of it',
};
