import type { Checkpoint, ReplayItem, ReplicaRecovery, ReplicaState } from '@vireo/vsr';

/** A write that was handed out and is not known to be durable. */
export interface PendingWrite {
  readonly token: number;
  readonly items: readonly ReplayItem[];
}

/** What one node keeps over a crash. */
export interface Durable {
  readonly journal: readonly ReplayItem[];
  readonly checkpoint: Checkpoint;
  /** What a start would make of it. */
  readonly recovery: ReplicaRecovery;
  /** Ids of all bodies in the journal, ascending: those that no entry has may find their header later. */
  readonly bodies: readonly number[];
  /** Starts of the process, in mode `memory`: no nonce of one is ever used by another. */
  readonly starts: number;
}

/** One node: replica, durable storage, writes under way. Never changed; a step makes another one. */
export interface LocalState {
  readonly id: number;
  readonly node: number;
  readonly state: ReplicaState;
  readonly durable: Durable;
  readonly pending: readonly PendingWrite[];
  readonly facts: Facts;
  /** Steps taken from here before, by event. */
  readonly steps: Map<number, Step>;
  /** Repair messages that it has answered with from here, by asker and request. */
  readonly answers: Map<number, number>;
}

/** What the search needs to know of a node, worked out once. Prepares are ids. */
export interface Facts {
  readonly view: number;
  readonly logView: number;
  /** The view of the durable record: no crash takes the node below it. */
  readonly durableView: number;
  readonly durableLogView: number;
  readonly isNormal: boolean;
  /** Leads its view, and has announced it. */
  readonly leads: boolean;
  readonly head: number;
  /** Up to where the chain is kept here as the mode promises: in the journal, or held. */
  readonly keptHead: number;
  /** The last op that is known here to be committed and lies in this log. */
  readonly committed: number;
  readonly applied: number;
  /** Prepares above the last applied (of the checkpoint, in mode `disk`) whose body is kept as the mode promises. */
  readonly bodies: readonly number[];
  /** Below it all is kept. */
  readonly bodiesFrom: number;
  /** Tells the runs of the process apart; its questions have nonces above it. */
  readonly firstNonce: number;
  /** Waits to be told a log. */
  readonly recovers: boolean;
  /** Lost what it may have acked, and has not got it back. */
  readonly isFailed: boolean;
  /** Takes a client's op at once. */
  readonly takesRequests: boolean;
  /** The StartView with which it may answer at any time; −1: none. */
  readonly startView: number;
  /** The id of the GetPrepare that it would send; −1: nothing is missing. */
  readonly wants: number;
}

/** What came of one event at one node. */
export interface Step {
  /** The node after it; the same id when nothing changed. */
  readonly to: number;
  /** Ids of messages that were sent, ascending. */
  readonly sent: readonly number[];
  /** Head of the log with which a view was started here, before the view's noop; −1: none was. */
  readonly startedWith: number;
  /** A rule that this step alone breaks. */
  readonly problem: string | null;
  /** Whether and why it cannot go on from here: the replica threw, or the next start cannot read what is durable. */
  readonly end: 'none' | 'throws' | 'unreadable';
}
