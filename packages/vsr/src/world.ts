/** What a replica needs from outside that is not an event. Real adapters and the simulator both implement it. */

/** Time. Read for stamps and waits only: no safety argument rests on a clock. */
export interface Clock {
  /** Milliseconds since some fixed point, never going back. The same value all through one turn. */
  monotonicMs(): number;
  /** Microseconds since 1970 UTC by the machine's clock; it may jump. The same value all through one turn. */
  wallMicros(): number;
}

/** A seeded stream of random numbers; used for jitter only. */
export interface Random {
  /** An unsigned 32-bit integer. */
  u32(): number;
  /** An integer from 0 to `bound` − 1. `bound` ≥ 1. */
  below(bound: number): number;
  /** An independent stream, named so that one consumer's draws do not shift another's. */
  fork(label: string): Random;
}
