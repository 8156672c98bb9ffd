import { e3PromiseForgotten } from './e3-promise-forgotten.ts';
import { e6StartViewFromNormal } from './e6-start-view-from-normal.ts';
import { e8CommitRewinds } from './e8-commit-rewinds.ts';
import { e11TableAtRequest } from './e11-table-at-request.ts';
import { e19PrimaryResumes } from './e19-primary-resumes.ts';
import { earlySelfCount } from './early-self-count.ts';
import { effectsBeforeCommit } from './effects-before-commit.ts';
import { logViewWithoutHeaders } from './log-view-without-headers.ts';
import type { Mutant } from './mutant.ts';
import { rankByView } from './rank-by-view.ts';
import { stalePrepareOk } from './stale-prepare-ok.ts';

export type { Mutant } from './mutant.ts';

export const mutants: readonly Mutant[] = [
  e3PromiseForgotten,
  e6StartViewFromNormal,
  e8CommitRewinds,
  e11TableAtRequest,
  e19PrimaryResumes,
  earlySelfCount,
  stalePrepareOk,
  logViewWithoutHeaders,
  effectsBeforeCommit,
  rankByView,
];
