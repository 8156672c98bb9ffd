import type { Mutant } from '../mutant.ts';

/** An op of which all know the header and nobody the body is waited for. */
export const strictNack: Mutant = {
  name: 'strict-nack',
  rule: 'a header without a body that was ever held is a nack',
  edits: [
    {
      package: 'vsr',
      module: 'writes',
      find: "verdict === 'none' && entry.prepare === null && !entry.faulty",
      replace: 'false',
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
