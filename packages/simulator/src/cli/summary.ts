import type { RunResult } from '../cluster/index.ts';

/** One run as a line of JSON, for the process that started this one. */
export interface Summary {
  readonly seed: number;
  readonly hash: string;
  /** Null: the run passed. */
  readonly checker: string | null;
  readonly message: string | null;
}

export function summary({ seed, failure, hash }: RunResult): Summary {
  return { seed, hash, checker: failure?.checker ?? null, message: failure?.message.split('\n')[0] ?? null };
}
