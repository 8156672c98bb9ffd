import type { Mutant } from '../mutant.ts';

/** A journal file is used again that alone held the newest promise of a group. */
export const promiseLostWithFile: Mutant = {
  name: 'promise-lost-with-file',
  rule: 'a state record is superseded in, or copied to, a file that stays',
  edits: [
    {
      package: 'broker',
      module: 'node/checkpoint',
      find: 'newestState || lastOp > group.checkpointOp',
      replace: 'lastOp > group.checkpointOp',
    },
  ],
  finders: ['assertion'],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
