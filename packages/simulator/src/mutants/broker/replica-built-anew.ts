import type { Mutant } from '../mutant.ts';

/** A partition is opened by its metadata entry alone, without what the journal holds of it. */
export const replicaBuiltAnew: Mutant = {
  name: 'replica-built-anew',
  rule: 'a group that has state is never built anew',
  edits: [
    {
      package: 'broker',
      module: 'node/groups',
      find: 'const items = this.#recovered.get(creation.id) ?? [];',
      replace: 'const items = (creation.id === 0 ? this.#recovered.get(creation.id) : null) ?? [];',
    },
  ],
  finders: [
    '6 prepareOk is durable',
    '3 monotone',
    '1 canonical chain',
    '2 acked is kept',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
