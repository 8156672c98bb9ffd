import type { Mutant } from '../mutant.ts';

/** Reads are served as soon as a view has started, from whatever is known to be committed then. */
export const readsBeforeFirstCommit: Mutant = {
  name: 'reads-before-first-commit',
  rule: 'a primary gives an index only when the noop of its view has committed',
  edits: [
    {
      package: 'vsr',
      module: 'read-index',
      find: 'if (isPrimary ? !isLeading(core) : !viewIsDurable(core)) return;',
      replace: 'if (!viewIsDurable(core) || (isPrimary && !state.started)) return;',
    },
  ],
  finders: ['13 reads as asked'],
};
