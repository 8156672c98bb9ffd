import type { Frame, Prepare } from '@vireo/protocol';
import type { Checkpoint, Message, PersistWrite, Replica, ReplicaEvent } from '@vireo/vsr';
import type { Ghost, GhostReplica } from './ghost.ts';

/** A promise that was broken. Thrown the moment it is seen: what follows would only hide the cause. */
export class Violation extends Error {
  override readonly name = 'Violation';
  /** Number and short name of the checker, as in the coverage table. */
  readonly checker: CheckerName;

  constructor(checker: CheckerName, message: string) {
    super(message);
    this.checker = checker;
  }
}

/** The checkers of a run, by the number that the design gives them. */
export type CheckerName =
  | '1 canonical chain'
  | '2 acked is kept'
  | '3 monotone'
  | '4 one primary a view'
  | '5 durable view'
  | '6 prepareOk is durable'
  | '7 no vote while recovering'
  | '8 nacked was never acked'
  | '9 no truncation'
  | '10 dense offsets'
  | '11 segments and indexes'
  | '11 equal states'
  | '13 committed reads'
  | '13 reads as asked'
  | '14 idempotent producers'
  | '15 notApplied is in no log'
  | '16 partitions by committed ops'
  | '18 sizes and levels'
  | '19 trace hash'
  | 'liveness'
  /** A step of a scenario did not come, or what it expects is not so. */
  | 'scenario'
  | 'assertion';

/**
 * Whether a message is bound to the view that it names. A question, and the proposal of a cold start with its answers,
 * name a view that may come about.
 */
export function isPromising(message: { readonly type: string }): boolean {
  const { type } = message;
  return type !== 'requestStartView' && type !== 'coldStart' && type !== 'coldStartGranted';
}

/** It cannot know all that it acked, and takes part in no quorum. */
export function isRecovering(status: Replica['state']['status']): boolean {
  return status === 'recoveringHead' || status === 'amnesiac';
}

/** The part of a replica's state that is looked at before and after each step. */
export interface Standing {
  readonly epoch: number;
  readonly view: number;
  readonly logView: number;
  readonly status: Replica['state']['status'];
  readonly mode: Replica['state']['mode'];
  readonly commitMin: number;
  readonly commitMax: number;
  /** Ops of which the body was here and is lost. */
  readonly faulty: readonly number[];
  /** Checksums of ops commitMin + 1 … head. */
  readonly log: readonly string[];
}

/** What a replica did, with whom it is. */
export interface ReplicaContext {
  readonly ghost: Ghost;
  readonly self: GhostReplica;
  readonly replica: Replica;
}

/**
 * One checker. It sees what the production code does at its seams and keeps what it needs in ghost state, which
 * knows more than any replica may. It changes nothing.
 */
export interface Checker {
  readonly name: CheckerName;
  /** A process has recovered this replica from its disk; it has not acted yet. */
  recovered?(context: ReplicaContext): void;
  stepped?(context: ReplicaContext, before: Standing, event: ReplicaEvent | null): void;
  /** The replica hands out a message. */
  sends?(context: ReplicaContext, to: number, message: Message): void;
  persists?(context: ReplicaContext, token: number, write: PersistWrite): void;
  /** The node was told that a write is durable; its replica hears of it next. */
  persisted?(context: ReplicaContext, token: number, ok: boolean): void;
  /** A replica's state machine has executed an op. */
  applied?(ghost: Ghost, self: GhostReplica, prepare: Prepare): void;
  /** The same, of a group that has said that acked ops may be gone: for who has to know what it goes on with. */
  appliedAfterLoss?(ghost: Ghost, self: GhostReplica, prepare: Prepare): void;
  /** A frame leaves a client for a node. */
  fromClient?(ghost: Ghost, client: number, node: number, frame: Frame): void;
  /** A replica goes on from a checkpoint that it was given, with all that lies below. */
  transferred?(ghost: Ghost, self: GhostReplica, checkpoint: Checkpoint): void;
  /** A frame leaves for a client. */
  toClient?(ghost: Ghost, node: number, client: number, frame: Frame): void;
  /**
   * A node removes a file, whatever any group has said to be gone. `checkpointOf`: op of the last snapshot of a group
   * that it hosts.
   */
  removes?(ghost: Ghost, node: number, path: string, checkpointOf: (group: number) => number | null): void;
  died?(ghost: Ghost, node: number): void;
  /** The run has come to rest: every live replica has caught up. */
  ended?(ghost: Ghost): void;
}
