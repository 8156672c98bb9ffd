import type { Mutant } from '../mutant.ts';

/** A snapshot forgets what producers have sent. */
export const windowNotInSnapshot: Mutant = {
  name: 'window-not-in-snapshot',
  rule: 'the dedup window is part of the snapshot',
  edits: [
    {
      package: 'broker',
      module: 'partition/machine',
      find: 'this.#lanes = lanes; this.#head = new Head(lanes);',
      replace: '',
    },
  ],
  finders: ['liveness', '14 idempotent producers', '2 acked is kept', '15 notApplied is in no log'],
};
