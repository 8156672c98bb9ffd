import type { Mutant } from '../mutant.ts';

/** A primary hands over as soon as its log is committed, whoever holds it. */
export const handOverEarly: Mutant = {
  name: 'hand-over-early',
  rule: 'a primary hands over when its successor has acknowledged all of its log',
  edits: [
    {
      package: 'vsr',
      module: 'hand-over',
      find: 'acked < head',
      replace: 'false',
    },
  ],
  finders: ['liveness'],
};
