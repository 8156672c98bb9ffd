import type { Mutant } from '../mutant.ts';

/** The state of a transfer counts before the segments that it builds on are in place. */
export const transferSnapshotFirst: Mutant = {
  name: 'transfer-snapshot-first',
  rule: 'of a transfer the segments are installed first, the snapshot last',
  edits: [
    {
      package: 'broker',
      module: 'node/transfer/install-transfer',
      find: 'staged.install((refused) => {',
      replace:
        '((done) => group.snapshots.write(op, bytes, (e) => (e === null ? staged.install(done) : done(e))))((refused) => {',
    },
  ],
  finders: ['assertion', '1 canonical chain', '2 acked is kept', '9 no truncation', 'liveness'],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
