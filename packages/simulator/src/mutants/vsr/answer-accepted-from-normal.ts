import type { Mutant } from '../mutant.ts';

/** The answer to an old question is taken up by a replica that is normal in that view by now. */
export const answerAcceptedFromNormal: Mutant = {
  name: 'answer-accepted-from-normal',
  rule: 'an answer to a nonce is not accepted from normal in the same view',
  edits: [
    {
      package: 'vsr',
      module: 'start-view',
      find: 'if (message.view > state.view || awaited) takeUp(core, message);',
      replace:
        'if (message.view > state.view || awaited || (isAnswer && message.view === state.view)) takeUp(core, message);',
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
