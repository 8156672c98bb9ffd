import type { Mutant } from '../mutant.ts';

/** A frame of a lane epoch that is over is taken in behind what came later. */
export const fencingIgnored: Mutant = {
  name: 'fencing-ignored',
  rule: 'a lower lane epoch is fenced',
  edits: [
    {
      package: 'broker',
      module: 'partition/lane',
      find: "if (epoch < lane.epoch) return 'fenced';",
      replace: "if (epoch < lane.epoch) return 'next';",
    },
  ],
  finders: ['2 acked is kept', '14 idempotent producers', '15 notApplied is in no log', 'liveness'],
};
