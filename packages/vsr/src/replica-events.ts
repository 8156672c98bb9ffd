import type { ErrorCode, Prepare } from '@vireo/protocol';
import type { Message } from './message.ts';
import type { NodeId } from './quorums.ts';
import type { Checkpoint } from './replay.ts';
import type { ClientRequest, Reply } from './state-machine.ts';
import type { StateRecord } from './state-record.ts';

/** Everything that can happen to a replica. */
export type ReplicaEvent =
  /**
   * Time passed: one tick (10 ms by default). A node that stood still does not make up for missed ticks: so all its
   * waits stretch by themselves, and on waking it suspects nobody for a silence that was its own.
   */
  | { readonly type: 'tick' }
  | { readonly type: 'message'; readonly from: NodeId; readonly message: Message }
  | { readonly type: 'request'; readonly request: ClientRequest }
  /** A linearizable read, at any replica: the reply under this id says that the machine may be read now. */
  | { readonly type: 'read'; readonly id: number }
  /** A write handed out by `persist` is on stable storage, or failed for good. */
  | { readonly type: 'persisted'; readonly token: number; readonly ok: boolean }
  /** What `load` found: from `first` on without a hole; possibly fewer than asked for, or none. */
  | { readonly type: 'loaded'; readonly token: number; readonly prepares: readonly Prepare[] }
  /** The process of that node is gone: its connection closed and a new one was refused, or it started anew. */
  | { readonly type: 'peerLost'; readonly node: NodeId }
  /** Segments and snapshot of this group are durable up to this op. */
  | { readonly type: 'checkpointed'; readonly op: number }
  /** A state transfer begins to bring what is missing here, or has come to nothing. */
  | { readonly type: 'transferring'; readonly on: boolean }
  /**
   * A peer's checkpoint was installed: segments and snapshot are durable, the machine was restored from it. Only if
   * `takesCheckpoint` said so after everything else that this replica was told.
   */
  | { readonly type: 'transferred'; readonly checkpoint: Checkpoint }
  /** The operator orders a cold start; `without`: also without the members that do not answer. */
  | { readonly type: 'coldStart'; readonly without: boolean }
  /** The primary is asked to let `to` lead, one of its `successors`. */
  | { readonly type: 'handOver'; readonly to: NodeId };

/** One write. It becomes durable as a whole or not at all, and after every write handed out before it. */
export type PersistWrite =
  | { readonly type: 'prepares'; readonly prepares: readonly Prepare[] }
  | { readonly type: 'state'; readonly record: StateRecord; readonly prepares: readonly Prepare[] };

/** How a request ended. */
export type ReplyOutcome =
  /** What `apply` gave; of a read the number of the last op applied. */
  | { readonly type: 'reply'; readonly reply: Reply }
  /** Definitely not in the log by this attempt: `notPrimary`, `notReady`, `overloaded`, or the code of `duplicatesOnly`. */
  | {
      readonly type: 'refused';
      readonly code: ErrorCode;
      readonly epoch: number;
      readonly view: number;
      readonly primary: NodeId;
    }
  /** It may be in the log or not: a view change came between. */
  | { readonly type: 'unknown'; readonly code: 'viewChanged' };

/** What a replica wants done. A sink with a method an effect: nothing is allocated for it. */
export interface ReplicaEffects {
  /** May leave at once, in any order, or be lost. The same message object goes to several backups in a row. */
  send(to: NodeId, message: Message): void;
  /** Answered by a `persisted` event with the token, in the order of the calls. */
  persist(token: number, write: PersistWrite): void;
  /** Reads committed ops first..last from the segments, about `bytesMax` at most; answered by `loaded`. */
  load(token: number, first: number, last: number, bytesMax: number): void;
  reply(requestId: number, outcome: ReplyOutcome): void;
}
