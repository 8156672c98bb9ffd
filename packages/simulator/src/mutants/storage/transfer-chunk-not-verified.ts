import type { Mutant } from '../mutant.ts';

/** Chunks, and the state that is put together from them, are believed as they come. */
export const transferChunkNotVerified: Mutant = {
  name: 'transfer-chunk-not-verified',
  rule: 'a chunk is what its leaf says, and the state what its checksum says',
  edits: [
    {
      package: 'storage',
      module: 'transfer/staged-transfer',
      find: 'checksums.identity(bytes) !== staged.file.leaves[chunk.index]',
      replace: 'false',
    },
    {
      package: 'storage',
      module: 'transfer/staged-transfer',
      find: 'checksums.identity(bytes) === snapshot.checksum',
      replace: 'true',
    },
  ],
  finders: [
    'assertion',
    '11 equal states',
    '2 acked is kept',
    '14 idempotent producers',
    '15 notApplied is in no log',
    'liveness',
  ],
  assertionReason: 'a machine that is given a damaged state can not read it',
};
