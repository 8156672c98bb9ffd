import type { Mutant } from '../mutant.ts';

/** Journal files may be used again before the checkpoint that covers them is durable. */
export const e17ReleasedEarly: Mutant = {
  name: 'e17-released-early',
  rule: 'E17: the journal is reused only below a durable checkpoint',
  edits: [
    {
      package: 'broker',
      module: 'node/checkpoint',
      find: 'this.#run = run; this.#appendedBefore = writer.appendedBytes;',
      replace: 'this.#run = run; this.#appendedBefore = writer.appendedBytes; journal.release(boundary);',
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
