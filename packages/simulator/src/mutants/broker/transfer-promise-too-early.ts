import type { Mutant } from '../mutant.ts';

/** The promise is said again behind a transfer, in front of the ops that the replica holds above it. */
export const transferPromiseTooEarly: Mutant = {
  name: 'transfer-promise-too-early',
  rule: 'a promise stands in the journal behind the ops that it builds on',
  edits: [
    {
      package: 'broker',
      module: 'node/transfer/transfers',
      find: 'group.settle();',
      replace: '',
    },
  ],
  finders: ['assertion'],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
