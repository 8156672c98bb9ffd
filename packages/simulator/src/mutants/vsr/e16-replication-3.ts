import type { Mutant } from '../mutant.ts';

/** One copy commits an op in a group of three. */
export const e16Replication3: Mutant = {
  name: 'e16-replication-3',
  rule: 'E16: replication and view change quorums intersect (n = 3, replication)',
  edits: [
    {
      package: 'vsr',
      module: 'quorums',
      find: 'REPLICATION = [0, 1, 2, 2, 2, 3, 3]',
      replace: 'REPLICATION = [0, 1, 2, 1, 2, 3, 3]',
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
