import type { Mutant } from '../mutant.ts';

/** What is damaged in the journal is taken for never written. */
export const e15DamageReadAsAbsent: Mutant = {
  name: 'e15-damage-read-as-absent',
  rule: 'E15: faulty is not missing',
  edits: [
    {
      package: 'vsr',
      module: 'replay',
      find: 'if (lastOp <= op) return;',
      replace: 'if (lastOp > 0) return;',
    },
  ],
  finders: [
    '6 prepareOk is durable',
    'assertion',
    '1 canonical chain',
    '2 acked is kept',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '3 monotone',
    '5 durable view',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
