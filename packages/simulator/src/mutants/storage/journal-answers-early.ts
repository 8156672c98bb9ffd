import type { Mutant } from '../mutant.ts';

/** Writes are answered when their flush is begun. */
export const journalAnswersEarly: Mutant = {
  name: 'journal-answers-early',
  rule: 'a write is answered when it is on stable storage',
  edits: [
    {
      package: 'storage',
      module: 'journal/journal',
      find: 'for (const { done } of writes) done(true);',
      replace: '',
    },
    {
      package: 'storage',
      module: 'journal/journal',
      find: 'this.#sequence += 1;',
      replace: 'this.#sequence += 1; for (const { done } of writes) done(true);',
    },
  ],
  finders: [
    '4 one primary a view',
    '3 monotone',
    '1 canonical chain',
    '6 prepareOk is durable',
    '2 acked is kept',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '5 durable view',
    'assertion',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
