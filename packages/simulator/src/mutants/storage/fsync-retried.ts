import type { Mutant } from '../mutant.ts';

/** A sync that failed is tried again, and believed: the pages that it lost are clean by then. */
export const fsyncRetried: Mutant = {
  name: 'fsync-retried',
  rule: 'a failed sync is final: it is never tried again',
  edits: [
    {
      package: 'storage',
      module: 'journal/journal',
      find: 'this.#disk.write(file.path, this.#position, encoded.buffers, true, (error) => {',
      replace:
        'const retrying = (path, position, buffers, done) => this.#disk.write(path, position, buffers, true, (error) => (error === null ? done(null) : this.#disk.sync(path, done))); retrying(file.path, this.#position, encoded.buffers, (error) => {',
    },
  ],
  finders: [
    'liveness',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    '3 monotone',
    '5 durable view',
    'assertion',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
