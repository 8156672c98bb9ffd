import type { ErrorCode } from '@vireo/protocol';

/** What a lane is told. Batches and attempts are named by numbers: bytes are none of its business. */
export type LaneEvent =
  /** A new batch, behind all others. Ids are the caller's, unique in the lane. */
  | { readonly type: 'submit'; readonly batch: number }
  /** The caller gave up. Takes the batch out if it is in no attempt's hands; else without effect. */
  | { readonly type: 'withdraw'; readonly batch: number }
  | { readonly type: 'acked'; readonly batch: number; readonly attempt: number }
  /** A definite answer: this attempt is in no log and never will be. */
  | { readonly type: 'refused'; readonly batch: number; readonly attempt: number; readonly code: ErrorCode }
  /** No definite answer to be expected: connection closed, timeout, view changed. A late one is still heard. */
  | {
      readonly type: 'unanswered';
      readonly batch: number;
      readonly attempt: number;
      readonly code: ErrorCode;
    }
  /** There is a place to send to: the first, or again after a `hold`. */
  | { readonly type: 'resume' }
  /** The time of the oldest batch is up. */
  | { readonly type: 'deadline' }
  /** The answer to `register`. */
  | { readonly type: 'identity'; readonly producerId: number }
  /** Settles everything and refuses what comes: closing, or no identity to be had. */
  | { readonly type: 'abandon'; readonly code: ErrorCode };

/** What a lane wants done. */
export type LaneAction =
  | {
      readonly type: 'send';
      readonly batch: number;
      readonly attempt: number;
      readonly producerId: number;
      readonly producerEpoch: number;
      readonly sequence: number;
    }
  /** The end of a batch; exactly one for each submitted. `code` is null when acked. */
  | {
      readonly type: 'settle';
      readonly batch: number;
      readonly outcome: LaneOutcome;
      readonly code: ErrorCode | null;
    }
  /** Nothing is sent until `resume`: find the primary, wait a little. */
  | { readonly type: 'hold'; readonly code: ErrorCode }
  /** A (new) producer id is needed; answered by `identity` or `abandon`. */
  | { readonly type: 'register' };

export type LaneOutcome = 'acked' | 'notApplied' | 'unknown';
