import type { Mutant } from '../mutant.ts';
import { clientNewSequence } from './client-new-sequence.ts';
import { clientNoNewEpoch } from './client-no-new-epoch.ts';
import { clientUnansweredSentAgain } from './client-unanswered-sent-again.ts';

/** Defects of producers. */
export const clientsMutants: readonly Mutant[] = [
  clientNewSequence,
  clientNoNewEpoch,
  clientUnansweredSentAgain,
];
