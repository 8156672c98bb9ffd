import type { Mutant } from '../mutant.ts';

/** A flush that was durable and is damaged is cut as if the crash had torn it. */
export const damageCutAsTorn: Mutant = {
  name: 'damage-cut-as-torn',
  rule: 'an invalid flush with a valid successor is damage',
  edits: [
    {
      package: 'storage',
      module: 'journal/walk',
      find: 'const behind = findFlushAfter(disk, file, position + JOURNAL_BLOCK, link.sequence, checksums);',
      replace: 'const behind = null;',
    },
  ],
  finders: [
    '6 prepareOk is durable',
    'assertion',
    '3 monotone',
    '1 canonical chain',
    '2 acked is kept',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '5 durable view',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
