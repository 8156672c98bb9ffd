import type { Mutant } from '../mutant.ts';

/** What the group has makes room for a transfer before that is complete (erratum E1). */
export const e1LogDiscardedFirst: Mutant = {
  name: 'e1-log-discarded-first',
  rule: 'E1: nothing is discarded before its replacement is complete, verified and durable',
  edits: [
    {
      package: 'storage',
      module: 'transfer/staged-transfer',
      find: 'const isNew = disk.size(path) === null;',
      replace:
        'const isNew = disk.size(path) === null; const old = this.#own(staged.baseOp); if (old !== undefined) disk.truncate(old.path, 128, () => {});',
    },
  ],
  finders: ['assertion', '1 canonical chain', '2 acked is kept', '11 segments and indexes', 'liveness'],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
