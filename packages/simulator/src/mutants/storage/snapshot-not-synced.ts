import type { Mutant } from '../mutant.ts';

/** A snapshot takes the place of the older one before its bytes are on stable storage. */
export const snapshotNotSynced: Mutant = {
  name: 'snapshot-not-synced',
  rule: 'a snapshot is durable before it takes its name',
  edits: [
    {
      package: 'storage',
      module: 'snapshot/snapshot-store',
      find: 'this.#disk.write(fresh, 0, [content], true, then(rename))',
      replace: 'this.#disk.write(fresh, 0, [content], false, then(rename))',
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
