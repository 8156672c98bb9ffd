import type { Mutant } from '../mutant.ts';

/** One of two replicas forms a view alone. */
export const e16ViewChange2: Mutant = {
  name: 'e16-view-change-2',
  rule: 'E16: replication and view change quorums intersect (n = 2, view change)',
  edits: [
    {
      package: 'vsr',
      module: 'quorums',
      find: 'VIEW_CHANGE = [0, 1, 2, 2, 3, 3, 4]',
      replace: 'VIEW_CHANGE = [0, 1, 1, 2, 3, 3, 4]',
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
