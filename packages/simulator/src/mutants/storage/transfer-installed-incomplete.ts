import type { Mutant } from '../mutant.ts';

/** A transfer is taken for complete when all its chunks were asked for. */
export const transferInstalledIncomplete: Mutant = {
  name: 'transfer-installed-incomplete',
  rule: 'a transfer is installed when all of it has come and is verified',
  edits: [
    {
      package: 'storage',
      module: 'transfer/staged-transfer',
      find: 'this.#wanted.length === 0 && this.#asked.size === 0 && this.#writing === 0',
      replace: 'this.#wanted.length === 0',
    },
    {
      package: 'storage',
      module: 'transfer/staged-transfer',
      find: 'checksums.identity(bytes) === snapshot.checksum',
      replace: 'true',
    },
  ],
  finders: ['assertion', '11 equal states', '2 acked is kept', '14 idempotent producers', 'liveness'],
  assertionReason: 'a machine that is given a state with holes can not read it',
};
