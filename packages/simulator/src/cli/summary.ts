import type { RunResult } from '../cluster/index.ts';
import type { Figures } from './totals.ts';

/** One run as a line of JSON, for the process that started this one. */
export interface Summary extends Figures {
  readonly seed: number;
  readonly hash: string;
  /** Null: the run passed. */
  readonly checker: string | null;
  readonly message: string | null;
}

/** `cpuMicros`: what the run took of the processor. */
export function summary(result: RunResult, cpuMicros: number): Summary {
  const { seed, failure, hash, operations, acked, consumed, faults, simulatedMicros, floors } = result;
  return {
    seed,
    hash,
    checker: failure?.checker ?? null,
    message: failure?.message.split('\n')[0] ?? null,
    failed: failure !== null,
    cpuMicros,
    operations,
    acked,
    consumed,
    faults,
    simulatedMicros,
    floors,
  };
}
