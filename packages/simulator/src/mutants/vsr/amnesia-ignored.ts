import type { Mutant } from '../mutant.ts';

/** A replica that held acked ops in memory alone votes after its restart as if it had never held them. */
export const amnesiaIgnored: Mutant = {
  name: 'amnesia-ignored',
  rule: 'E4: a mark at the start means amnesia; too many of them start anew by order only, with a raised lossEpoch',
  edits: [
    {
      package: 'vsr',
      module: 'initial-state',
      find: "if (record.mark) return 'amnesiac';",
      replace: '',
    },
  ],
  finders: [
    '6 prepareOk is durable',
    '7 no vote while recovering',
    '1 canonical chain',
    '2 acked is kept',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
