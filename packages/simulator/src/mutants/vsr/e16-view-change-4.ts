import type { Mutant } from '../mutant.ts';

/** Two replicas form a view in a group of four. */
export const e16ViewChange4: Mutant = {
  name: 'e16-view-change-4',
  rule: 'E16: replication and view change quorums intersect (n = 4, view change)',
  edits: [
    {
      package: 'vsr',
      module: 'quorums',
      find: 'VIEW_CHANGE = [0, 1, 2, 2, 3, 3, 4]',
      replace: 'VIEW_CHANGE = [0, 1, 2, 2, 2, 3, 4]',
    },
  ],
  finders: [
    'liveness',
    '2 acked is kept',
    '1 canonical chain',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
  ],
};
