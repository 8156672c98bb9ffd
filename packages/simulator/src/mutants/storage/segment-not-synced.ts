import type { Mutant } from '../mutant.ts';

/** Segments are taken for durable without a sync. */
export const segmentNotSynced: Mutant = {
  name: 'segment-not-synced',
  rule: 'a checkpoint syncs the segments',
  edits: [
    {
      package: 'storage',
      module: 'log/log-writer',
      find: 'const segment = this.#segments.find(({ unsynced }) => unsynced);',
      replace: 'const segment = undefined;',
    },
  ],
  finders: [
    'assertion',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '3 monotone',
    '5 durable view',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
