import type { Mutant } from '../mutant.ts';

/** A batch without an answer is sent again in a new lane epoch. */
export const clientUnansweredSentAgain: Mutant = {
  name: 'client-unanswered-sent-again',
  rule: 'what is given up unanswered is never sent again',
  edits: [
    {
      package: 'simulator',
      module: 'clients/lane',
      find: 'batch.unanswered || batch.inFlight',
      replace: 'batch.inFlight',
    },
  ],
  finders: ['14 idempotent producers', '2 acked is kept', '15 notApplied is in no log', 'liveness'],
};
