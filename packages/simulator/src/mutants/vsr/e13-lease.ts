import type { Mutant } from '../mutant.ts';

/** A primary that a quorum has answered within the suspicion time takes it that nobody else leads, by its own ticks. */
export const e13Lease: Mutant = {
  name: 'e13-lease',
  rule: 'no lease: who stood still, or forgot what it promised, does not know that time has passed (E13)',
  edits: [
    {
      package: 'vsr',
      module: 'age',
      find: 'state.questions[member] = message.question;',
      replace: 'state.questions[member] = message.question; state.leaseTick = state.tick;',
    },
    {
      package: 'vsr',
      module: 'read-index',
      find: 'answered[core.index] = state.readRound;',
      replace:
        'answered[core.index] = state.readRound; if (state.tick - (state.leaseTick ?? -1000) < core.config.timeouts.suspicion) answered.fill(state.readRound);',
    },
  ],
  finders: ['13 reads as asked'],
};
