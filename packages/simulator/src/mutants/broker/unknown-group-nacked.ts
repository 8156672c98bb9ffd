import type { Mutant } from '../mutant.ts';

/** A node whose metadata is behind votes for a group that it does not know, with an empty log. */
export const unknownGroupNacked: Mutant = {
  name: 'unknown-group-nacked',
  rule: 'a frame for an unknown group is never nacked',
  edits: [
    {
      package: 'broker',
      module: 'node/groups',
      find: "if (this.metadata.groupStanding(id) !== 'gone' && this.#held.hold(id, from, message)) stats.framesHeld++;",
      replace:
        "if (message.type === 'startViewChange') this.#options.context.send(id, from, { type: 'doViewChange', epoch: message.epoch, view: message.view + 1, logView: 0, commitMax: 0, anchorOp: 0, anchorChecksum: '0'.repeat(32), headers: [], present: [], nack: [] }); if (this.metadata.groupStanding(id) !== 'gone' && this.#held.hold(id, from, message)) stats.framesHeld++;",
    },
  ],
  finders: [
    'liveness',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
  ],
};
