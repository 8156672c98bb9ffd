import type { Mutant } from '../mutant.ts';

/** A replay keeps what stands in the place of an op, though a later view has replaced it. */
export const firstCopyStays: Mutant = {
  name: 'first-copy-stays',
  rule: 'a later copy of an op replaces an earlier one',
  edits: [
    {
      package: 'vsr',
      module: 'replay',
      find: 'if (header.op <= op) return;',
      replace: 'if (header.op <= this.#head) return;',
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
    '5 durable view',
    'assertion',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
