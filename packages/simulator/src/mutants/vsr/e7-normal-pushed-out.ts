import type { Mutant } from '../mutant.ts';

/** A StartViewChange of the view that a replica is normal in takes it out of it. */
export const e7NormalPushedOut: Mutant = {
  name: 'e7-normal-pushed-out',
  rule: 'E7: a StartViewChange of its own view does not take a replica out of normal',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'state.suspects[config.members.indexOf(from)] = state.tick;',
      replace:
        "state.suspects[config.members.indexOf(from)] = state.tick; if (state.status === 'normal') { state.status = 'viewChange'; armViewChange(core); }",
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
