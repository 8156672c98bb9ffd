import type { Mutant } from '../mutant.ts';

/** A batch without an answer is sent again under a new sequence. */
export const clientNewSequence: Mutant = {
  name: 'client-new-sequence',
  rule: 'a retry has the same sequence',
  edits: [
    {
      package: 'simulator',
      module: 'clients/lane',
      find: "if (answer.type === 'none') { batch.unanswered = true;",
      replace:
        "if (answer.type === 'none') { batch.unanswered = true; batch.stamp = { ...batch.stamp, sequence: this.#next }; this.#next += 1; batch.bytes = Buffer.from(batch.bytes); restampBatch(batch.bytes.subarray(PRODUCE_ROOM), batch.stamp, simChecksums);",
    },
  ],
  finders: ['liveness', '14 idempotent producers', '2 acked is kept', '15 notApplied is in no log'],
};
