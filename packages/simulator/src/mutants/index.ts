import { brokerMutants } from './broker/index.ts';
import { clientsMutants } from './clients/index.ts';
import type { Mutant } from './mutant.ts';
import { storageMutants } from './storage/index.ts';
import { vsrMutants } from './vsr/index.ts';

export type { Mutant } from './mutant.ts';

/** All of them: what is wrong at its root first, for that is found soonest. */
export const mutants: readonly Mutant[] = [
  ...vsrMutants,
  ...storageMutants,
  ...brokerMutants,
  ...clientsMutants,
];
