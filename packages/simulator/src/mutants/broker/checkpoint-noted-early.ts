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
