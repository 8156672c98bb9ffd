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
  finders: ['assertion'],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
