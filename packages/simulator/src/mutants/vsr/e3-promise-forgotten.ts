import type { Mutant } from '../mutant.ts';

/** The vote leaves before the promise is durable: a crash in between forgets it, and an older view goes on acking. */
export const e3PromiseForgotten: Mutant = {
  name: 'e3-promise-forgotten',
  rule: 'E3: the state record is durable before any frame of its view',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'writeState(core, state.promise, []);',
      replace: 'writeState(core, state.promise, []); state.durableView = view; sendVote(core);',
    },
  ],
  finders: [
    '5 durable view',
    '3 monotone',
    '2 acked is kept',
    '1 canonical chain',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
