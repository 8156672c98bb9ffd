import type { Mutant } from '../mutant.ts';

/** Two copies commit an op in a group of five. */
export const e16Replication5: Mutant = {
  name: 'e16-replication-5',
  rule: 'E16: replication and view change quorums intersect (n = 5, replication)',
  edits: [
    {
      package: 'vsr',
      module: 'quorums',
      find: 'REPLICATION = [0, 1, 2, 2, 2, 3, 3]',
      replace: 'REPLICATION = [0, 1, 2, 2, 2, 2, 3]',
    },
  ],
  finders: [
    '2 acked is kept',
    '1 canonical chain',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
