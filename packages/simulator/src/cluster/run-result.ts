import type { FloorName } from './floors.ts';

/** The first promise that was broken; a run ends there. */
export interface Failure {
  readonly checker: string;
  readonly message: string;
  /** Simulated µs. */
  readonly at: number;
  /** The last events, oldest first. */
  readonly trace: readonly string[];
}

export interface RunResult {
  readonly seed: number;
  readonly failure: Failure | null;
  readonly hash: string;
  readonly operations: number;
  readonly acked: number;
  readonly consumed: number;
  readonly faults: number;
  readonly events: number;
  /** Simulated µs at which faults and load began. */
  readonly loadedAt: number;
  readonly simulatedMicros: number;
  readonly floors: Readonly<Record<FloorName, number>>;
}

export interface RunOptions {
  /** Takes each line of the full trace. */
  readonly print?: (line: string) => void;
  /** Keeps the last calls into each replica, as a real node does. Default false: a run can be run again. */
  readonly recordCalls?: boolean;
}
