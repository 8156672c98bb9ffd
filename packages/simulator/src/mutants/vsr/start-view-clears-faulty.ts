import type { Mutant } from '../mutant.ts';

/** A StartView makes a faulty entry a missing one, which is nacked in the next view. */
export const startViewClearsFaulty: Mutant = {
  name: 'start-view-clears-faulty',
  rule: 'an entry that was faulty stays so until it is repaired',
  edits: [
    {
      package: 'vsr',
      module: 'start-view',
      find: 'const faulty = prepare === null && (isLost || own?.faulty === true);',
      replace: 'const faulty = prepare === null && isLost;',
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
