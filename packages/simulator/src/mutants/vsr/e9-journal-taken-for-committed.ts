import type { Mutant } from '../mutant.ts';

/** After a restart all that the journal held is taken for committed. */
export const e9JournalTakenForCommitted: Mutant = {
  name: 'e9-journal-taken-for-committed',
  rule: 'E9: what a restart finds in the journal is a proposal, not a commit',
  edits: [
    {
      package: 'vsr',
      module: 'initial-state',
      find: 'Math.max(checkpoint.op, head - PIPELINE_MAX)',
      replace: 'head',
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
