import type { Mutant } from '../mutant.ts';

/** A view starts while its primary lacks some of its ops. */
export const startsWithoutBodies: Mutant = {
  name: 'starts-without-bodies',
  rule: 'a primary completes its log before it starts the view',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'if (anchorOp + 1 + i > state.commitMin && bodies[i] === null) return;',
      replace: '',
    },
  ],
  finders: ['13 committed reads', 'assertion'],
  assertionReason: 'the machine of a partition refuses a batch whose offset does not follow',
};
