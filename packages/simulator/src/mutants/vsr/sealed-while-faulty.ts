import type { Mutant } from '../mutant.ts';

/** A clean stop clears the mark while acked bodies are lost here. */
export const sealedWhileFaulty: Mutant = {
  name: 'sealed-while-faulty',
  rule: 'no clean stop while an entry is faulty',
  edits: [
    {
      package: 'vsr',
      module: 'writes',
      find: '!state.log.some((entry) => entry.faulty);',
      replace: 'true;',
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
