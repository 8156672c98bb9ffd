import { VireoError } from '@vireo/protocol';

/** What the end of a subscription means for its partition. */
export type Ending =
  /** This replica, or this moment, does not serve: another one does. */
  | { readonly type: 'elsewhere' }
  /** What was to be read next is gone; the log begins at `start`. */
  | { readonly type: 'gap'; readonly start: number }
  /** No replica will do better. */
  | { readonly type: 'fatal'; readonly error: VireoError };

/** Reads why a subscription ended that was to go on at offset `next`. */
export function readEnding(error: VireoError, partition: number, next: number): Ending {
  const { code, details } = error;
  const start = details?.start;
  const end = details?.end;
  if (code === 'offsetOutOfRange' && typeof start === 'number' && next < start) return { type: 'gap', start };
  if (error.retryable || code === 'connectionLost' || code === 'closed') return { type: 'elsewhere' };
  const range = typeof end === 'number' ? ` (the log holds ${String(start)} to ${end})` : '';
  const message = `partition ${partition}, offset ${next}: ${error.message}${range}`;
  return {
    type: 'fatal',
    error: new VireoError(code, message, { outcome: 'notApplied', details, cause: error }),
  };
}
