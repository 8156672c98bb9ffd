import { setTimeout as sleep } from 'node:timers/promises';
import { type ErrorCode, VireoError } from '@vireo/protocol';

/** How often, and with what pause, a request is sent again after no definite answer; a failover is over by then. */
const ATTEMPTS_MAX = 10;
const PAUSE_MS = 200;

/**
 * Carries through a request that creates or deletes by name. After no definite answer (the view changed, the
 * connection broke) it is asked again; that the thing is then there, or gone, is what was wanted.
 *
 * @param settled Codes of a repeated request that mean so.
 * @returns the answer; null when it came out only by asking again, so that there is none.
 */
export async function settle<T>(
  request: () => Promise<T>,
  settled: readonly ErrorCode[],
  signal: AbortSignal,
): Promise<T | null> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await request();
    } catch (error) {
      if (!VireoError.is(error)) throw error;
      if (attempt > 1 && settled.includes(error.code)) return null;
      if (error.outcome !== 'unknown' || !error.retryable || attempt === ATTEMPTS_MAX) throw error;
    }
    await sleep(PAUSE_MS, undefined, { signal });
  }
}
