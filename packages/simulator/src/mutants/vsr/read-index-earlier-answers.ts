import type { Mutant } from '../mutant.ts';

/** A read counts answers to the round before, which was sent before it arrived. */
export const readIndexEarlierAnswers: Mutant = {
  name: 'read-index-earlier-answers',
  rule: 'answers count that were sent after the read arrived',
  edits: [
    {
      package: 'vsr',
      module: 'read-index',
      find: '{ asker: core.index, number: id, round: 0, op: -1 }',
      replace:
        '{ asker: core.index, number: id, round: leads(core) ? state.readRound : 0, op: leads(core) ? state.commitMax : -1 }',
    },
  ],
  finders: ['13 reads as asked'],
};
