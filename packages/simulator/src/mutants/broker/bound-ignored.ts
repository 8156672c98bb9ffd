import type { Mutant } from '../mutant.ts';

/** Reads are served however old they are. */
export const boundIgnored: Mutant = {
  name: 'bound-ignored',
  rule: 'beyond the age that was asked for a replica refuses',
  edits: [
    {
      package: 'broker',
      module: 'node/subscriptions',
      find: 'if (ageMs <= maxStalenessMs)',
      replace: 'if (ageMs <= maxStalenessMs || ageMs > 0)',
    },
  ],
  finders: ['13 reads as asked'],
};
