import type { Mutant } from '../mutant.ts';

/** A replica that may have forgotten what it acked takes part in votes. */
export const recoveringVotes: Mutant = {
  name: 'recovering-votes',
  rule: 'no vote, no ack, no nack while recovering',
  edits: [
    {
      package: 'vsr',
      module: 'receive',
      find: 'if (isRecovering(state) || state.grant !== null || message.epoch > state.epoch) return;',
      replace: 'if (state.grant !== null || message.epoch > state.epoch) return;',
    },
  ],
  finders: [
    '7 no vote while recovering',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '1 canonical chain',
    '2 acked is kept',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
