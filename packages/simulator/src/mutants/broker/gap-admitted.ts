import type { Mutant } from '../mutant.ts';

/** A batch is taken in though the one before it has not come. */
export const gapAdmitted: Mutant = {
  name: 'gap-admitted',
  rule: 'a batch behind a gap is refused',
  edits: [
    {
      package: 'broker',
      module: 'partition/lane',
      find: "return sequence === lane.lastSequence + 1 ? 'next' : 'gap';",
      replace: "return 'next';",
    },
  ],
  finders: ['2 acked is kept', '14 idempotent producers', '15 notApplied is in no log', 'liveness'],
};
