import type { Mutant } from '../mutant.ts';

/** Nonces begin anew at each start: an answer to an earlier life is taken. */
export const e5NonceReused: Mutant = {
  name: 'e5-nonce-reused',
  rule: 'E5: nonce = start counter and attempt',
  edits: [
    {
      package: 'vsr',
      module: 'initial-state',
      find: 'const firstNonce = config.startCounter * NONCES_PER_START;',
      replace: 'const firstNonce = 0;',
    },
  ],
  finders: [
    '7 no vote while recovering',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
