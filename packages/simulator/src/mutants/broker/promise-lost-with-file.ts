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
  finders: [
    'assertion',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
    '3 monotone',
    '5 durable view',
  ],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
