import type { Mutant } from '../mutant.ts';

/** Ops are executed, answered and shown to consumers as soon as they are in the log. */
export const effectsBeforeCommit: Mutant = {
  name: 'effects-before-commit',
  rule: 'side effects at commit only',
  edits: [
    {
      package: 'vsr',
      module: 'commit',
      find: 'while (state.commitMin < state.commitMax) {',
      replace: 'while (state.log.length > 0) {',
    },
  ],
  finders: [
    '3 monotone',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
