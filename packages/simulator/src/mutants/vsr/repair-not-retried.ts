import type { Mutant } from '../mutant.ts';

/** A repair request that was lost is waited for. */
export const repairNotRetried: Mutant = {
  name: 'repair-not-retried',
  rule: 'a repair request is tried again',
  edits: [
    {
      package: 'vsr',
      module: 'timers',
      find: 'if (state.tick - asked.sentTick < wait) return;',
      replace: 'if (wait > 0) return;',
    },
  ],
  finders: [
    'liveness',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
  ],
};
