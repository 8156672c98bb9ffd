import type { Mutant } from '../mutant.ts';

/** The journal names a checkpoint whose snapshot is not written yet. */
export const checkpointNotedEarly: Mutant = {
  name: 'checkpoint-noted-early',
  rule: 'a checkpoint is recorded after its snapshot is durable',
  edits: [
    {
      package: 'broker',
      module: 'node/checkpoint',
      find: 'group.log.sync((syncError) => {',
      replace:
        'if (run.releases) this.#append(run, group.id, { prepares: [], checkpoint: op }); group.log.sync((syncError) => {',
    },
  ],
  finders: ['assertion'],
  assertionReason: 'a node that refuses to start on a disk that only crashed has lost what it promised',
};
