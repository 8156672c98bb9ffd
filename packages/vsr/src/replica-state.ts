import type { Checksum, Prepare, PrepareHeader } from '@vireo/protocol';
import type { AgeState } from './age.ts';
import type { ColdStart } from './cold-start-state.ts';
import type { StateDigest } from './digest.ts';
import type { DoViewChange, StartView, Suffix } from './message.ts';
import type { Mode } from './mode.ts';
import type { NodeId } from './quorums.ts';
import type { ReadState } from './read-index.ts';
import type { ClientRequest, Reply } from './state-machine.ts';
import type { ColdStartGrant, StateRecord, Verdict } from './state-record.ts';

/** One op of the log above commitMin. Its header is always known; the body may still have to be fetched. */
export interface LogEntry {
  readonly header: PrepareHeader;
  prepare: Prepare | null;
  /** The body is on stable storage here. */
  durable: boolean;
  /** The body was here, and is lost: it may have been acked, so it is neither present nor nacked until repaired. */
  faulty: boolean;
}

/** A prepare that does not follow the head yet. */
interface Staged {
  readonly prepare: Prepare;
  /** Part of this view's log for certain: the primary's own Prepare, or known to be committed. */
  readonly trusted: boolean;
}

/** Somebody waits for an op to commit. `reply`: what a duplicate gets; null: what `apply` gives. */
interface Waiter {
  readonly requestId: number;
  readonly reply: Reply | null;
}

/** The log that a new primary has decided on and is completing. Nothing of it is in the log before all is here. */
interface Formation extends Suffix {
  readonly bodies: (Prepare | null)[];
}

/** The repair request that is under way. */
interface Fetch {
  readonly first: number;
  readonly last: number;
  readonly to: NodeId;
  sentTick: number;
}

/**
 * `recoveringHead`, `amnesiac`: it may have acked what it does not know of. No vote, no ack, no nack, never primary,
 * until a primary has told it the log of its view in answer to a question of this run.
 */
export type ReplicaStatus = 'normal' | 'viewChange' | 'recoveringHead' | 'amnesiac';

/** Everything a replica knows. Plain data: it can be cloned, hashed, printed. */
export interface ReplicaState extends AgeState, ReadState {
  epoch: number;
  /** Highest view promised. */
  view: number;
  /** The last view whose log this is; ranks logs in a view change. */
  logView: number;
  status: ReplicaStatus;
  /** A write failed: no vote, no ack, never primary again in this run. */
  failed: boolean;
  /** What the last durable state record names; the views are −1 before the first is durable. */
  durableEpoch: number;
  durableView: number;
  durableLogView: number;

  /** Mode as of commitMin, and how many ops of the log change it. */
  mode: Mode;
  modeOps: number;
  /** The mark of the last record handed to `persist`, and of the last durable one. */
  mark: boolean;
  durableMark: boolean;
  /** Up to here segments and snapshot are durable. */
  checkpointOp: number;
  /** The last op that was applied and is durable by a checkpoint only; 0: none. */
  volatileTo: number;
  /** Nothing is acked before a checkpoint has reached this op. */
  mustSync: number;
  lossEpoch: number;
  /** The lossEpoch that the applied log states. */
  appliedLossEpoch: number;
  verdict: Verdict;
  grant: ColdStartGrant | null;
  /** The proposal that the grant answers; 0: of an earlier run of the process. */
  grantNonce: number;
  /** The grant of the last durable record. */
  durableGrant: ColdStartGrant | null;
  /** Recovering: bodies that were found in the journal and have no place in the log at present. */
  salvaged: Map<Checksum, Prepare>;
  coldStart: ColdStart;
  /** A clean shutdown is under way: no step of the protocol any more. */
  halted: boolean;
  /** Own state at the last digest op applied; what the majority has; primary: what each member has reported. */
  digest: StateDigest | null;
  agreedDigest: StateDigest | null;
  digests: (StateDigest | null)[];
  /** `self`: this state differs from the majority's; `group`: there is no majority, nothing is taken on. */
  diverged: 'no' | 'self' | 'group';
  seal: 'no' | 'writing' | 'done';

  /** Applied up to here. */
  commitMin: number;
  /** Known to be committed up to here; may be beyond the head of a replica that lags. */
  commitMax: number;
  committedChecksum: Checksum;
  committedTimestamp: number;
  /** Ops commitMin + 1, commitMin + 2, …: contiguous, chained. */
  log: LogEntry[];
  logBytes: number;
  /** Ops applied before they were on stable storage here: committed without us. */
  appliedUnwritten: Map<number, Checksum>;
  staging: Map<number, Staged>;
  stagingBytes: number;
  /** Entries not yet handed to `persist`. */
  unwritten: Prepare[];

  /** Primary: by member, the op up to which it acked in this view. */
  acked: number[];
  /** Primary: the view's state record is durable and the view announced. */
  started: boolean;
  /** Primary: the noop with which the view started, 0 before it is prepared. */
  noopOp: number;
  /** Primary: takes no requests and wants another view, until its ops move again, or for good before it stops. */
  abdicating: 'no' | 'stalled' | 'leaving' | 'handingOver';
  /** Primary: who shall lead the next view, and since when; null: nobody in particular. */
  handOverTo: NodeId | null;
  handOverTick: number;
  /** The view that was promised to hand over; 0: the present one was not. */
  handOverView: number;
  queue: ClientRequest[];
  queueBytes: number;
  waiters: Map<number, Waiter[]>;
  commitSent: number;
  /** Backup: an ack is due at the end of the turn. */
  ackDue: boolean;

  /** By member: the tick of its StartViewChange for the present view; −1: none. */
  suspects: number[];
  /** New primary: by member, its vote for the present view. */
  votes: (DoViewChange | null)[];
  /** The promise of the present view as it was made durable; its vote says the same, also after a restart. */
  promise: StateRecord | null;
  formation: Formation | null;
  /** A StartView of the present view whose anchor this log does not reach yet. */
  pendingStartView: StartView | null;
  /** A higher view heard of, not joined yet; 0: none. */
  higherView: number;
  higherTick: number;

  fetch: Fetch | null;
  /** A state transfer brings what is missing: nothing is fetched op by op meanwhile. */
  transferring: boolean;
  fetchAttempt: number;
  /** Reads under way for peers: by token. At most one a peer. */
  loads: Map<number, { readonly to: NodeId; readonly first: number }>;
  tokens: Map<number, PendingWrite>;
  /** Bytes of prepares under way to the journal, and the tick in which it last answered or was given the first. */
  writingBytes: number;
  writtenTick: number;
  nextToken: number;
  /** The last nonce used; those of this run are above `firstNonce`. */
  nonce: number;
  firstNonce: number;

  tick: number;
  heardTick: number;
  suspicionTicks: number;
  progressTick: number;
  suspectSentTick: number;
  viewChangeTick: number;
  viewChangeAttempt: number;
  viewChangeWait: number;
  voteTick: number;
  voteAttempt: number;
  retransmitTick: number;
  retransmitAttempt: number;
  pollTick: number;
  pollAttempt: number;
  pingTick: number;
  /** By member: the tick of the last answer to a frame of a lower view. */
  noticeTick: number[];
}

/** What to do when a write becomes durable. */
export type PendingWrite =
  | { readonly type: 'prepares'; readonly headers: readonly PrepareHeader[] }
  | {
      readonly type: 'state';
      readonly view: number;
      readonly logView: number;
      readonly epoch: number;
      readonly mark: boolean;
      readonly grant: ColdStartGrant | null;
      readonly headers: readonly PrepareHeader[];
    };
