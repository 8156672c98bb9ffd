import type { Mutant } from '../mutant.ts';
import { e11TableAtRequest } from './e11-table-at-request.ts';

/** Defects of the node and its state machines. */
export const brokerMutants: readonly Mutant[] = [e11TableAtRequest];
