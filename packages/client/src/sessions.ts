import { randomBytes } from 'node:crypto';
import { VireoError } from '@vireo/protocol';
import { backoffMs, Call } from './call.ts';
import type { Control } from './control.ts';

const NONCE_SIZE = 16;
const REGISTER_TIMEOUT_MS = 30_000;

/**
 * Producer ids. A client has one session, made when it first produces. A second producer of the same topic gets a
 * session of its own: two that share an id in a partition would take each other's sequence numbers.
 */
export class Sessions {
  readonly #control: Control;
  readonly #closing: AbortSignal;
  #own: Promise<number> | null = null;
  readonly #topics = new Set<number>();

  constructor(control: Control, closing: AbortSignal) {
    this.#control = control;
    this.#closing = closing;
  }

  /** The id for a producer of the topic. Waits for the metadata as long as it takes; rejects when refused or closed. */
  take(topicId: number): Promise<number> {
    if (this.#topics.has(topicId)) return this.fresh();
    this.#topics.add(topicId);
    if (this.#own === null) {
      const own = this.fresh();
      this.#own = own;
      // A failed one is not kept.
      own.catch(() => {
        if (this.#own === own) this.#own = null;
      });
    }
    return this.#own;
  }

  /** An id that nobody else has. The nonce makes repeating the request harmless. */
  async fresh(): Promise<number> {
    const nonce = randomBytes(NONCE_SIZE);
    for (let attempt = 0; ; attempt++) {
      const call = new Call({ signal: this.#closing }, REGISTER_TIMEOUT_MS);
      try {
        const { sessionId } = await this.#control.request<'register'>({ op: 'register', nonce }, call, true);
        return sessionId;
      } catch (cause) {
        if (this.#closing.aborted) throw new VireoError('closed', undefined, { cause });
        const passing = VireoError.is(cause) && (cause.retryable || call.over);
        if (!passing) throw cause;
        call.dispose();
        await pause(backoffMs(attempt), this.#closing);
      } finally {
        call.dispose();
      }
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const call = new Call({ signal });
  try {
    await call.sleep(ms);
  } catch {
    throw new VireoError('closed');
  } finally {
    call.dispose();
  }
}
