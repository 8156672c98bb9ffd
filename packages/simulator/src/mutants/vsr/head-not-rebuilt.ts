import type { Mutant } from '../mutant.ts';

/** A new primary judges by the state that its machine had as a backup. */
export const headNotRebuilt: Mutant = {
  name: 'head-not-rebuilt',
  rule: 'a new view rebuilds the head from its suffix',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'core.machine.rebuildHead(',
      replace: '((_suffix) => {})(',
    },
  ],
  finders: ['13 committed reads', 'assertion'],
  assertionReason: 'the machine of a partition refuses a batch whose offset does not follow',
};
