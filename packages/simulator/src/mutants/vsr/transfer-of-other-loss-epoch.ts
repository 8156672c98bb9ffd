import type { Mutant } from '../mutant.ts';

/** A checkpoint is taken from whoever has one, whether or not its log was cut by the same cold starts. */
export const transferOfOtherLossEpoch: Mutant = {
  name: 'transfer-of-other-loss-epoch',
  rule: 'committed is final within one lossEpoch alone',
  edits: [
    {
      package: 'vsr',
      module: 'transfer',
      find: 'lossEpoch !== lossEpochWanted(state)',
      replace: 'lossEpoch < 0',
    },
  ],
  finders: ['assertion', '1 canonical chain', 'liveness'],
  assertionReason: 'a start op of another cold start is not what the log goes on with',
};
