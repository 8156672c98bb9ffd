import type { Mutant } from '../mutant.ts';

/** What voters held in an older view counts as acked in the new one. */
export const oldViewAckCounted: Mutant = {
  name: 'old-view-ack-counted',
  rule: 'old ops commit by acks of the new view only',
  edits: [
    {
      package: 'vsr',
      module: 'view-change',
      find: 'state.started = true; state.acked.fill(0);',
      replace:
        'state.started = true; state.votes.forEach((vote, at) => { state.acked[at] = vote === null ? 0 : vote.anchorOp + vote.headers.length; });',
    },
  ],
  finders: [
    '2 acked is kept',
    '1 canonical chain',
    '6 prepareOk is durable',
    '8 nacked was never acked',
    '9 no truncation',
    '14 idempotent producers',
    'liveness',
  ],
};
