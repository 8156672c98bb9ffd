import type { Mutant } from '../mutant.ts';

/** A suffix is put on whatever ends where its anchor lies. */
export const e21UnanchoredSuffix: Mutant = {
  name: 'e21-unanchored-suffix',
  rule: 'E21: the chain is verified down to the anchor before a suffix is installed',
  edits: [
    {
      package: 'vsr',
      module: 'repair',
      find: 'return suffix.headers[state.commitMin - suffix.anchorOp - 1]?.checksum === state.committedChecksum;',
      replace: 'return true;',
    },
    {
      package: 'vsr',
      module: 'repair',
      find: 'return checksumAt(state, suffix.anchorOp) === suffix.anchorChecksum;',
      replace: 'return headOp(state) >= suffix.anchorOp;',
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
