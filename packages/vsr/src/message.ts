import type { Checksum, Prepare, PrepareHeader } from '@vireo/protocol';

/**
 * The messages between replicas of one group. The sender is known from the connection, the group from the
 * frame. All but the repair messages name the sender's epoch and view, and count only in exactly that view
 * (VR Revisited, section 4.1).
 */
export type Message =
  | PrepareMessage
  | PrepareOk
  | Commit
  | PingMessage
  | PongMessage
  | ReadIndex
  | ReadIndexOk
  | StartViewChange
  | DoViewChange
  | StartView
  | RequestStartView
  | RecoveryState
  | ColdStartMessage
  | ColdStartGranted
  | DigestMessage
  | GetPrepare
  | Repair;

interface Viewed {
  readonly epoch: number;
  readonly view: number;
}

/** Primary to backups: the next op of this view. */
export interface PrepareMessage extends Viewed {
  readonly type: 'prepare';
  readonly commitMax: number;
  readonly prepare: Prepare;
}

/** Backup to primary: the unbroken chain up to `op`, whose checksum this is, is durable here. Cumulative. */
export interface PrepareOk extends Viewed {
  readonly type: 'prepareOk';
  readonly op: number;
  readonly checksum: Checksum;
  readonly commitMin: number;
}

/** Primary to backups when no prepare is about to carry the commit number. */
export interface Commit extends Viewed {
  readonly type: 'commit';
  readonly commitMax: number;
  /** Checksum of op `commitMax`. */
  readonly checksum: Checksum;
}

/**
 * A sign of life that states where the sender is. From the primary of its view it is the heartbeat; from
 * anybody else the answer to a frame of a lower view.
 */
export interface PingMessage extends Viewed {
  readonly type: 'ping';
  readonly op: number;
  readonly commitMax: number;
  readonly normal: boolean;
  /** The sender's monotonic clock, whole ms: only itself can read it, in the answer. 0 in what is no heartbeat. */
  readonly sentMs: number;
  /** To the last question of the receiver that has arrived; null: none has, or the sender does not know. */
  readonly answer: AgeAnswer | null;
}

/** "When I sent this, how old can what I know of the log be at most?" By the asker's own monotonic clock. */
export interface AgeQuestion {
  /** Start counter of the asker: its clock begins anew with its process. */
  readonly run: number;
  readonly sentMs: number;
}

/** Names the question. All that was committed `ageMs` before this left is within the commit number beside it. */
export interface AgeAnswer extends AgeQuestion {
  readonly ageMs: number;
}

/** Backup to primary, at once upon its heartbeat: still in this view and normal. */
export interface PongMessage extends Viewed {
  readonly type: 'pong';
  /** Of the heartbeat that this answers. */
  readonly sentMs: number;
  readonly question: AgeQuestion;
}

/** Of a linearizable read. Primary to backups: "still in this view?" Backup to primary: "what must a read see?" */
export interface ReadIndex extends Viewed {
  readonly type: 'readIndex';
  /** Of the round, rising; the answer names it. */
  readonly number: number;
}

export interface ReadIndexOk extends Viewed {
  readonly type: 'readIndexOk';
  readonly number: number;
  /** From the primary: the op that the reads of that round have to see. From a backup 0. */
  readonly op: number;
}

/** "I suspect the primary of this view." Does not change the view by itself. */
export interface StartViewChange extends Viewed {
  readonly type: 'startViewChange';
}

/**
 * What a replica knows of one suffix: ops anchorOp + 1 .. anchorOp + headers.length, chained to the anchor. The
 * anchor and all below it is committed as far as the sender knows, or the end of its log.
 */
export interface Suffix {
  readonly commitMax: number;
  readonly anchorOp: number;
  readonly anchorChecksum: Checksum;
  readonly headers: readonly PrepareHeader[];
}

/** A replica's vote for the view, with its log (section 4.2), after its promise is durable. */
export interface DoViewChange extends Viewed, Suffix {
  readonly type: 'doViewChange';
  readonly logView: number;
  /** One a header: the body is held here. */
  readonly present: readonly boolean[];
  /** One a header: the body was never durable here, so this replica never acked it. */
  readonly nack: readonly boolean[];
}

/** The log with which a view starts; or, with the asker's nonce, the answer to RequestStartView. */
export interface StartView extends Viewed, Suffix {
  readonly type: 'startView';
  readonly lossEpoch: number;
  /** 0 when nobody asked. */
  readonly nonce: number;
}

/**
 * "Tell me the log of your view." The only frame that may name a view above the durable one. `lagging`: a higher view
 * was heard of. `recovering`: the asker takes part in no quorum. `stuck`: it could, but too many others can not.
 */
export interface RequestStartView extends Viewed {
  readonly type: 'requestStartView';
  readonly nonce: number;
  readonly asker: 'lagging' | 'recovering' | 'stuck';
}

/** To one who recovers or is stuck, from one who is no primary: the log that a cold start could begin with. */
export interface RecoveryState extends Viewed, LogStanding {
  readonly type: 'recoveryState';
  readonly nonce: number;
}

/** A log as a candidate for a cold start. */
export interface LogStanding extends Suffix {
  /** Its owner takes no part in its epoch: it recovers, or has given the epoch up. */
  readonly recovering: boolean;
  readonly lossEpoch: number;
  /** Ranks logs of one loss epoch: the logView, or of one who recovers the view of its last entry. */
  readonly rank: number;
}

/** Backup to primary: its state after a digest op. Primary to backups: the state that the majority has. */
export interface DigestMessage extends Viewed {
  readonly type: 'digest';
  readonly op: number;
  readonly value: Checksum;
}

/** "I have the best log that is left, and start this epoch from it when all agree." */
export interface ColdStartMessage extends Viewed {
  readonly type: 'coldStart';
  /** Of this proposal: grants of an earlier one do not count. */
  readonly nonce: number;
}

/** The answer, when it is durable: no earlier epoch is taken part in any more, so this log stays as it is. */
export interface ColdStartGranted extends Viewed, LogStanding {
  readonly type: 'coldStartGranted';
  readonly nonce: number;
}

/** Repair: asks for ops first..last, whatever the views of the two. */
export interface GetPrepare {
  readonly type: 'getPrepare';
  readonly first: number;
  readonly last: number;
}

/**
 * Repair: some of the ops asked for, in order without a hole. Never taken for the primary's Prepare: it is
 * accepted by checksum, or because the sender knows it to be committed.
 */
export interface Repair {
  readonly type: 'repair';
  /** The first op that was asked for. */
  readonly first: number;
  /** Everything in the sender's log up to this op is committed. */
  readonly committed: number;
  readonly prepares: readonly Prepare[];
}
