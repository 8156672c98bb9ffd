import type { Mutant } from '../mutant.ts';

/** A replica that comes back from a crash is normal in a view of which it has no log. */
export const normalInPromisedView: Mutant = {
  name: 'normal-in-promised-view',
  rule: 'a promise whose log has not come is a view change, after a restart too',
  edits: [
    {
      package: 'vsr',
      module: 'initial-state',
      find: "const status = verdict !== 'none' ? verdict : isBetween ? 'viewChange' : 'normal';",
      replace: "const status = verdict !== 'none' ? verdict : 'normal';",
    },
  ],
  finders: ['5 durable view'],
};
