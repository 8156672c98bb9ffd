import type { Mutant } from '../mutant.ts';

/** Two copies commit an op in a group of six. */
export const e16Replication6: Mutant = {
  name: 'e16-replication-6',
  rule: 'E16: replication and view change quorums intersect (n = 6, replication)',
  edits: [
    {
      package: 'vsr',
      module: 'quorums',
      find: 'REPLICATION = [0, 1, 2, 2, 2, 3, 3]',
      replace: 'REPLICATION = [0, 1, 2, 2, 2, 3, 2]',
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '3 monotone',
    '6 prepareOk is durable',
    '7 no vote while recovering',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
