import type { Mutant } from '../mutant.ts';

/** The primary stamps by its clock alone. */
export const clockGoesBack: Mutant = {
  name: 'clock-goes-back',
  rule: 'timestamp = max(previous, clock)',
  edits: [
    {
      package: 'vsr',
      module: 'normal',
      find: 'timestamp: Math.max(headTimestamp(state), core.clock.wallMicros()),',
      replace: 'timestamp: core.clock.wallMicros(),',
    },
  ],
  finders: ['10 dense offsets'],
};
