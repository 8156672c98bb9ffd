import type { Mutant } from '../mutant.ts';

/** A flush is called durable when it is in the page cache. */
export const journalNotSynced: Mutant = {
  name: 'journal-not-synced',
  rule: 'acks wait for the sync of the journal',
  edits: [
    {
      package: 'storage',
      module: 'journal/journal',
      find: 'this.#disk.write(file.path, this.#position, encoded.buffers, true, (error) => {',
      replace: 'this.#disk.write(file.path, this.#position, encoded.buffers, false, (error) => {',
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
