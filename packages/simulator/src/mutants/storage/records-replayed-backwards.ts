import type { Mutant } from '../mutant.ts';

/** The promises of a flush come back in front of what was written before. */
export const recordsReplayedBackwards: Mutant = {
  name: 'records-replayed-backwards',
  rule: 'replay is in flush order',
  edits: [
    {
      package: 'storage',
      module: 'journal/replay',
      find: "items.push({ type: 'state', group, record: head.index.subarray(op, op + entry.size) });",
      replace: "items.unshift({ type: 'state', group, record: head.index.subarray(op, op + entry.size) });",
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
