import type { Mutant } from '../mutant.ts';

/** A new primary announces its view while the promise of it is on its way to the disk. */
export const prepareOfUndurableView: Mutant = {
  name: 'prepare-of-undurable-view',
  rule: 'no Prepare or StartView of a view that is not durable',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'state.commitMax = Math.max(state.commitMax, formation.commitMax);',
      replace: 'state.commitMax = Math.max(state.commitMax, formation.commitMax); startAsPrimary(core);',
    },
  ],
  finders: ['5 durable view'],
};
