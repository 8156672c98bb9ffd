import type { Mutant } from './mutant.ts';

/** What was admitted stays in the producer table though a view change has dropped it: a retry is a "duplicate". */
export const e11TableAtRequest: Mutant = {
  name: 'e11-table-at-request',
  rule: 'E11: the producer table changes at commit only',
  edits: [{ package: 'broker', module: 'partition/machine', find: 'this.#head.clear();', replace: '' }],
  finders: [
    '2 acked is kept',
    '14 idempotent producers',
    '15 notApplied is in no log',
    '10 dense offsets',
    'liveness',
  ],
};
