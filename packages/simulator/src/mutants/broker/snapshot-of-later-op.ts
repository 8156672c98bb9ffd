import type { Mutant } from '../mutant.ts';

/** The state of a later op is stored under an earlier one. */
export const snapshotOfLaterOp: Mutant = {
  name: 'snapshot-of-later-op',
  rule: 'a snapshot is of exactly the op that it names',
  edits: [
    {
      package: 'broker',
      module: 'node/checkpoint',
      find: 'group.snapshots.write(op, snapshot,',
      replace: 'group.snapshots.write(op, group.snapshot(),',
    },
  ],
  finders: ['assertion'],
  assertionReason: 'the machine of a partition refuses an op that does not follow what it has applied',
};
