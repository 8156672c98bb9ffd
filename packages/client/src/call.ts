import { type ErrorCode, type Outcome, VireoError } from '@vireo/protocol';

/** How long a caller is willing to wait. Taken by every asynchronous call. */
export interface CallOptions {
  /** Stops the waiting; what was already sent takes its course. */
  readonly signal?: AbortSignal | undefined;
  /** ms from now, retries included. Default 120,000. */
  readonly deadlineMs?: number | undefined;
}

/** Default of `CallOptions.deadlineMs`. */
const DEFAULT_DEADLINE_MS = 120_000;

/**
 * One call of the user: everything done on its behalf, retries too, ends with its signal or its deadline,
 * whichever is first. `dispose` must be called, or the deadline's timer outlives the call.
 */
export class Call {
  readonly #signal: AbortSignal | undefined;
  readonly #until: number;
  readonly #timer: NodeJS.Timeout;
  readonly #over: Promise<never>;
  readonly #listeners = new Set<(ended: VireoError) => void>();
  #reject!: (error: VireoError) => void;
  #ended: VireoError | null = null;

  constructor(options: CallOptions = {}, defaultMs: number = DEFAULT_DEADLINE_MS) {
    const deadlineMs = options.deadlineMs ?? defaultMs;
    if (!(deadlineMs >= 0))
      throw new VireoError('invalid', `deadlineMs is ${deadlineMs}, it must be 0 or more`);
    this.#until = performance.now() + deadlineMs;
    this.#signal = options.signal;
    this.#over = new Promise((_, reject) => {
      this.#reject = reject;
    });
    // Whoever races against it handles it; when nobody does, the end of a call is no unhandled rejection.
    this.#over.catch(() => {});
    this.#timer = setTimeout(() => this.#end('timeout'), Math.min(deadlineMs, 0x7fff_ffff));
    if (this.#signal?.aborted) this.#onAbort();
    else this.#signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  readonly #onAbort = (): void => this.#end('aborted');

  #end(code: ErrorCode): void {
    if (this.#ended !== null) return;
    this.#ended = new VireoError(code, undefined, {
      outcome: 'notApplied',
      retryable: false,
      cause: code === 'aborted' ? this.#signal?.reason : undefined,
    });
    this.#reject(this.#ended);
    for (const listener of this.#listeners) listener(this.#ended);
  }

  /** `listener` is called when the call ends, at once if it has; returns how to take that back. */
  onEnd(listener: (ended: VireoError) => void): () => void {
    this.#listeners.add(listener);
    if (this.#ended !== null) listener(this.#ended);
    return () => this.#listeners.delete(listener);
  }

  /** ms left, at least 0. */
  get remainingMs(): number {
    return Math.max(0, this.#until - performance.now());
  }

  get over(): boolean {
    return this.#ended !== null;
  }

  /** Throws what ended the call, if something has. Nothing was sent: the outcome is `notApplied`. */
  throwIfOver(): void {
    if (this.#ended !== null) throw this.#ended;
  }

  /**
   * Waits for `promise` no longer than the call lasts. `outcome` is what the caller is told of the request if the
   * call ends first: `unknown` once something was sent that may take effect. A later rejection is swallowed.
   */
  async wait<T>(promise: Promise<T>, outcome: Outcome): Promise<T> {
    promise.catch(() => {});
    try {
      return await Promise.race([this.#over, promise]);
    } catch (error) {
      if (error !== this.#ended || outcome === 'notApplied') throw error;
      const { code, message, cause } = this.#ended as VireoError;
      throw new VireoError(code, message, { outcome, retryable: false, cause });
    }
  }

  /** Waits `ms`, or throws when the call ends before. */
  async sleep(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    try {
      await this.wait(
        new Promise<void>((resolve) => {
          timer = setTimeout(resolve, ms);
        }),
        'notApplied',
      );
    } finally {
      clearTimeout(timer);
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#onAbort);
  }
}

/** First upper bound and the largest one of a backoff, ms. */
const BACKOFF_FIRST_MS = 50;
const BACKOFF_MAX_MS = 2_000;

/**
 * Wait before the `attempt`th retry (from 0), ms: uniform in [0, min(2 s, 50 ms · 2^attempt)). Full jitter, so
 * that a thousand clients of a dead node do not come back in step.
 */
export function backoffMs(attempt: number): number {
  return Math.random() * Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(Math.floor(attempt), 16));
}
