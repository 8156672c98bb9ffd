import type { Checksums } from '@vireo/protocol';
import type { Message } from './message.ts';
import type { NodeId, Quorums } from './quorums.ts';
import { primaryOf } from './quorums.ts';
import type { ReplicaEffects } from './replica-events.ts';
import type { ReplicaState } from './replica-state.ts';
import type { StateMachine } from './state-machine.ts';
import type { Timeouts } from './timeouts.ts';
import type { Clock, Random } from './world.ts';

/** What a repair answer carries at most, bytes; one prepare more is never split. */
export const REPAIR_BYTES_MAX = 1 << 20;

export interface ReplicaConfig {
  readonly group: number;
  readonly epoch: number;
  /** Ordered: `primary(view) = members[view mod n]`. */
  readonly members: readonly NodeId[];
  readonly self: NodeId;
  /** Raised at each start of the process: no nonce is ever used again. */
  readonly startCounter: number;
  /** Ops above the commit number, 1 to PIPELINE_MAX. */
  readonly pipeline: number;
  /** Bytes above the commit number. */
  readonly pipelineBytes: number;
  /** Requests that wait for room in the pipeline: count and bytes. */
  readonly queueMax: number;
  readonly queueBytesMax: number;
  readonly timeouts: Timeouts;
  /** What a group does when so many members are recovering that no quorum is left: see `cold-start.ts`. */
  readonly coldStart: 'wait' | 'allPresent';
  /** Ops whose number is a multiple of this digest the state (`digest.ts`). */
  readonly digestEvery: number;
}

/** One replica as the functions of this package see it: fixed things, the state, and the sink of this step. */
export interface Core {
  readonly config: ReplicaConfig;
  readonly quorums: Quorums;
  /** Place of this replica in `members`. */
  readonly index: number;
  readonly machine: StateMachine;
  readonly clock: Clock;
  readonly random: Random;
  readonly checksums: Checksums;
  readonly state: ReplicaState;
  out: ReplicaEffects;
}

export function primary(core: Core): NodeId {
  return primaryOf(core.config.members, core.state.view);
}

export function leads(core: Core): boolean {
  return primary(core) === core.config.self;
}

/** Primary of a view whose noop has committed: knows every op that was ever acked, and may say where the end is. */
export function isLeading(core: Core): boolean {
  const { state } = core;
  return (
    state.status === 'normal' &&
    leads(core) &&
    state.started &&
    state.noopOp > 0 &&
    state.noopOp <= state.commitMin
  );
}

/** It may have acked what it does not know of: no part in any quorum. */
export function isRecovering(state: ReplicaState): boolean {
  return state.verdict !== 'none';
}

/** Whether frames of the present view and log may leave: the record that promises them is durable, its mark too. */
export function viewIsDurable(core: Core): boolean {
  const { state } = core;
  return (
    !state.failed &&
    !state.halted &&
    state.durableEpoch === state.epoch &&
    state.durableView === state.view &&
    (state.durableMark || !state.mark) &&
    (state.status === 'viewChange' || state.durableLogView === state.logView)
  );
}

export function broadcast(core: Core, message: Message): void {
  for (const member of core.config.members) {
    if (member !== core.config.self) core.out.send(member, message);
  }
}

/** Another member than this one, by turns. */
export function peerInTurn(core: Core, turn: number): NodeId | null {
  const { members } = core.config;
  if (members.length === 1) return null;
  const step = 1 + (turn % (members.length - 1));
  return members[(core.index + step) % members.length] as NodeId;
}
