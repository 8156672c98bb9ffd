import type { Mutant } from '../mutant.ts';

/** A replica that still fetches the log of a view ranks its old log by the new view. */
export const e2LogViewBeforeLog: Mutant = {
  name: 'e2-log-view-before-log',
  rule: 'E2: logView is adopted together with its log',
  edits: [
    {
      package: 'vsr',
      module: 'start-view',
      find: 'state.pendingStartView = message;',
      replace: 'state.pendingStartView = message; state.logView = message.view;',
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
