import type { Mutant } from '../mutant.ts';

/** What stands on a checkpoint that was taken up goes with what was below it. */
export const transferDropsAcked: Mutant = {
  name: 'transfer-drops-acked',
  rule: 'the log above a checkpoint stays if it stands on it: it may have been acked',
  edits: [
    {
      package: 'vsr',
      module: 'transfer',
      find: 'checksumAt(state, op) === checksum ?',
      replace: 'state.log.length === 0 ?',
    },
  ],
  finders: [
    '9 no truncation',
    '6 prepareOk is durable',
    '2 acked is kept',
    '5 durable view',
    '8 nacked was never acked',
  ],
};
