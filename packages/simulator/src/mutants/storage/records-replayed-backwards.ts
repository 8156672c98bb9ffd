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
  finders: ['3 monotone'],
};
