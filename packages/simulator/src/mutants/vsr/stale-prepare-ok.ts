import type { Mutant } from '../mutant.ts';

/** A write that was under way when the log was replaced vouches for whatever stands in its place when it ends. */
export const stalePrepareOk: Mutant = {
  name: 'stale-prepare-ok',
  rule: 'PrepareOk is made from the state at its persisted event',
  edits: [
    {
      package: 'vsr',
      module: 'log',
      find: 'entry?.header.checksum === checksum',
      replace: 'entry !== null',
    },
  ],
  finders: [
    '6 prepareOk is durable',
    '2 acked is kept',
    '1 canonical chain',
    'liveness',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
  ],
};
