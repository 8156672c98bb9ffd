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
  finders: ['assertion'],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
