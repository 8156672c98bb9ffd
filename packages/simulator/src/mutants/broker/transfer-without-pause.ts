import type { Mutant } from '../mutant.ts';

/** The replica goes on while its files are replaced: what it applies meanwhile goes to files that are renamed away. */
export const transferWithoutPause: Mutant = {
  name: 'transfer-without-pause',
  rule: 'nothing is applied while a transfer is installed',
  edits: [
    {
      package: 'broker',
      module: 'node/transfer/install-transfer',
      find: 'group.pause();',
      replace: '',
    },
  ],
  finders: ['assertion', '1 canonical chain', '2 acked is kept', '3 monotone', 'liveness'],
  assertionReason:
    'an op that does not follow the log, or a log replaced while it is written, is what comes of it',
};
