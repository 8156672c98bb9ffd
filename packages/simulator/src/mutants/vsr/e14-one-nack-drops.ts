import type { Mutant } from '../mutant.ts';

/** One replica that lacks an op outweighs another that holds it. */
export const e14OneNackDrops: Mutant = {
  name: 'e14-one-nack-drops',
  rule: 'E14: an op that is present anywhere is kept',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'if (!present) {',
      replace: 'if (nacks > 0) {',
    },
    {
      package: 'vsr',
      module: 'view-change',
      find: 'if (nacks < nackQuorum) return null;',
      replace: '',
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
