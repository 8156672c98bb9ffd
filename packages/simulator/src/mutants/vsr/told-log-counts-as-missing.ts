import type { Mutant } from '../mutant.ts';

/** What a recovering replica is told of and lacks counts as never held. */
export const toldLogCountsAsMissing: Mutant = {
  name: 'told-log-counts-as-missing',
  rule: 'all that the StartView names and the replica lacks is faulty',
  edits: [
    {
      package: 'vsr',
      module: 'start-view',
      find: 'const faulty = prepare === null && (isLost || own?.faulty === true);',
      replace: 'const faulty = prepare === null && own?.faulty === true;',
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
