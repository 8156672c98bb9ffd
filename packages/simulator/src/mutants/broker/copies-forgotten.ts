import type { Mutant } from '../mutant.ts';

/** What a checkpoint does not cover goes with the file that held it. */
export const copiesForgotten: Mutant = {
  name: 'copies-forgotten',
  rule: 'what a reused file alone holds is copied forward',
  edits: [
    {
      package: 'broker',
      module: 'node/checkpoint',
      find: "if (mode === 'disk') return replica.uncommitted();",
      replace: "if (mode === 'disk') return [];",
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
    '5 durable view',
    'assertion',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
