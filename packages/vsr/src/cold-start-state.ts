import type { LogStanding, RecoveryState } from './message.ts';

/** What a replica of a group that cannot go on knows of the others. */
export interface ColdStart {
  /** The operator ordered it: `present` does not wait for the members that do not answer. */
  ordered: 'no' | 'all' | 'present';
  orderedTick: number;
  /** By member: what it last said of itself, and the tick of that. */
  readonly states: (RecoveryState | null)[];
  readonly stateTicks: number[];
  /** By member: the tick in which it last asked for help; −1: never. */
  readonly askedTicks: number[];
  /** The nonce of the last question to all. */
  askedNonce: number;
  /** The last nonce used before the present grant was given: answers to later ones know of it. */
  grantedNonce: number;
  /** The nonce of this replica's own proposal, and its tick; 0: none in this run. */
  proposal: number;
  proposedTick: number;
  /** By member: the log with which it agreed to that proposal. */
  readonly granted: (LogStanding | null)[];
}
