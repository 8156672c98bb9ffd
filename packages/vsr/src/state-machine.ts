import type { ErrorCode, Prepare, PrepareKindValue } from '@vireo/protocol';

/** What a state machine answers to an op; opaque to replication. */
export type Reply = unknown;

/** A request of a client, as the node hands it to the primary's replica. */
export interface ClientRequest {
  /** Unique on this node for as long as the process runs; names the request in `reply`. */
  readonly id: number;
  readonly kind: PrepareKindValue;
  /** 128 bytes of room for the prepare header, then the body. The header is written into the room. */
  readonly bytes: Buffer;
  /** Kind `mode` only: the mode from this op on (`ModeFlag`). */
  readonly flags?: number | undefined;
  /** Whatever `admit` needs beside the bytes; replication never looks at it. */
  readonly context: unknown;
  /**
   * The node takes nothing new at present: the request is answered if it is in the log already, else refused with
   * this code. Without looking, a retry of what was acked would be called "not applied".
   */
  readonly duplicatesOnly?: ErrorCode | undefined;
}

/** The fields of a prepare that belong to the state machine; copied and hashed here, never read. */
export interface AdmittedContext {
  readonly baseOffset: number;
  readonly count: number;
  readonly producerId: number;
  readonly producerEpoch: number;
  readonly sequence: number;
  readonly codec: number;
}

export type Admission =
  /** Goes into the log. */
  | { readonly type: 'prepare'; readonly context: AdmittedContext }
  /** Is in the log as `op` already: answered with `reply` once that op has committed. */
  | { readonly type: 'duplicate'; readonly op: number; readonly reply: Reply }
  /** Is not and will not be in the log by this attempt. */
  | { readonly type: 'refusal'; readonly reply: Reply };

/** What is replicated. Deterministic: the same ops in the same order give the same state on every replica. */
export interface StateMachine {
  /**
   * Judges a request as of the head: committed state plus the uncommitted suffix. Changes nothing: it may be
   * asked again for the same request.
   */
  admit(request: ClientRequest): Admission;
  /** An admitted request is in the log now; the head moves. At the primary only. */
  prepared(prepare: Prepare): void;
  /** A view starts here as primary: the head is the committed state plus these ops. */
  rebuildHead(suffix: readonly Prepare[]): void;
  /** The offset that the next record would get, as of the head: what a noop states as its base offset. */
  nextOffset(): number;
  /** Executes a committed op: once each, in order, of every kind (noops too). */
  apply(prepare: Prepare): Reply;
  /** The state after the last applied op. */
  snapshot(): Buffer;
  /** Takes up a state that `snapshot` gave. */
  restore(snapshot: Buffer): void;
}
