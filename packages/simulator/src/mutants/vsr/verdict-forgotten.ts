import type { Mutant } from '../mutant.ts';

/** The next start forgets that the replica may not vote. */
export const verdictForgotten: Mutant = {
  name: 'verdict-forgotten',
  rule: 'a verdict stands over restarts',
  edits: [
    {
      package: 'vsr',
      module: 'initial-state',
      find: "if (record.verdict !== 'none') return record.verdict;",
      replace: '',
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
