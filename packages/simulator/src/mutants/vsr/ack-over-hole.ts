import type { Mutant } from '../mutant.ts';

/** An ack covers an op that is not durable here. */
export const ackOverHole: Mutant = {
  name: 'ack-over-hole',
  rule: 'PrepareOk is cumulative: an unbroken durable chain',
  edits: [
    {
      package: 'vsr',
      module: 'mode',
      find: 'isDurable = isDurable && entry.durable;',
      replace: 'isDurable = entry.durable;',
    },
    {
      package: 'vsr',
      module: 'mode',
      find: 'if (!isPromised) break;',
      replace: 'if (!isPromised) continue;',
    },
  ],
  finders: [
    '6 prepareOk is durable',
    '1 canonical chain',
    '2 acked is kept',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
