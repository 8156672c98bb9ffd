import type { Mutant } from '../mutant.ts';

/** A clean stop clears the mark, and drops ops that are not committed yet. */
export const stopDropsTail: Mutant = {
  name: 'stop-drops-tail',
  rule: 'a clean stop makes the uncommitted tail durable',
  edits: [
    {
      package: 'vsr',
      module: 'writes',
      find: "state.seal = 'writing';",
      replace: "state.seal = 'writing'; state.log.length = 0;",
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
