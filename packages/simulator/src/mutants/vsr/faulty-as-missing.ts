import type { Mutant } from '../mutant.ts';

/** A body that was durable and is lost counts as one that never came. */
export const faultyAsMissing: Mutant = {
  name: 'faulty-as-missing',
  rule: 'E15: a body that was here is faulty, neither present nor nack',
  edits: [
    {
      package: 'vsr',
      module: 'replay',
      find: 'faulty: prepare === null && wasHere',
      replace: 'faulty: false',
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
