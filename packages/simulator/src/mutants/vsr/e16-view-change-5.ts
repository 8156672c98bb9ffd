import type { Mutant } from '../mutant.ts';

/** Two replicas form a view in a group of five. */
export const e16ViewChange5: Mutant = {
  name: 'e16-view-change-5',
  rule: 'E16: replication and view change quorums intersect (n = 5, view change)',
  edits: [
    {
      package: 'vsr',
      module: 'quorums',
      find: 'VIEW_CHANGE = [0, 1, 2, 2, 3, 3, 4]',
      replace: 'VIEW_CHANGE = [0, 1, 2, 2, 3, 2, 4]',
    },
  ],
  finders: [
    'liveness',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
  ],
};
