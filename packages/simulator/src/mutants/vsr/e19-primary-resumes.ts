import type { Mutant } from '../mutant.ts';

/** A restarted primary goes on in its view and gives an op number, whose Prepare it has sent, to another op. */
export const e19PrimaryResumes: Mutant = {
  name: 'e19-primary-resumes',
  rule: 'E19: a restarted primary goes to view + 1',
  edits: [
    {
      package: 'vsr',
      module: 'replica',
      find: 'joinView(core, state.view + 1);',
      replace: 'startAsPrimary(core);',
    },
  ],
  finders: [
    '4 one primary a view',
    '1 canonical chain',
    '2 acked is kept',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
