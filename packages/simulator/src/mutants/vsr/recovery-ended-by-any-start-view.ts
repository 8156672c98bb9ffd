import type { Mutant } from '../mutant.ts';

/** A recovering replica takes up any StartView, an old one too. */
export const recoveryEndedByAnyStartView: Mutant = {
  name: 'recovery-ended-by-any-start-view',
  rule: 'recovery ends by an answer to a question of this run',
  edits: [
    {
      package: 'vsr',
      module: 'start-view',
      find: 'if (isAnswer && message.view >= state.view) takeUp(core, message);',
      replace: 'if (message.view >= state.view) takeUp(core, message);',
    },
  ],
  finders: [
    '1 canonical chain',
    '2 acked is kept',
    '3 monotone',
    '6 prepareOk is durable',
    '7 no vote while recovering',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
