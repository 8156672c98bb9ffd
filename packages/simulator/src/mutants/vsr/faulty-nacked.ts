import type { Mutant } from '../mutant.ts';

/** A vote nacks an op whose body it has lost. */
export const faultyNacked: Mutant = {
  name: 'faulty-nacked',
  rule: 'a faulty entry is never nacked',
  edits: [
    {
      package: 'vsr',
      module: 'writes',
      find: "verdict === 'none' && entry.prepare === null && !entry.faulty",
      replace: "verdict === 'none' && entry.prepare === null",
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
