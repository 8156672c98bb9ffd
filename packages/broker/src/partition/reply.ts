import { type ErrorCode, ErrorCodes, U64_MAX } from '@vireo/protocol';

/**
 * Base offset in the ack of a duplicate that is older than the window: the batch is in the log, once, but where
 * is no longer known. No real offset is so large. Its `timestamp` is 0.
 */
export const UNKNOWN_OFFSET = U64_MAX;

/** The batch is in the log and committed. */
export interface ProduceAcked {
  readonly ok: true;
  /** Offset of the batch's first record, or UNKNOWN_OFFSET. */
  readonly baseOffset: number;
  readonly count: number;
  /** Log time of the batch, µs since 1970. */
  readonly timestamp: number;
  /** The op that holds it; for UNKNOWN_OFFSET a later one. With the lossEpoch it is a read-your-writes token. */
  readonly op: number;
  /** True when an earlier attempt had put it there. */
  readonly duplicate: boolean;
}

/** This attempt is not and will not be in the log; what earlier attempts did is not said. */
export interface ProduceRefused {
  readonly ok: false;
  readonly code: ErrorCode;
  readonly message: string;
}

export type ProduceReply = ProduceAcked | ProduceRefused;

/** Makes a refusal; the message defaults to the error table's. */
export function refuseProduce(code: ErrorCode, message: string = ErrorCodes[code].message): ProduceRefused {
  return { ok: false, code, message };
}
