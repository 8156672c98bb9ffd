import {
  type ControlOp,
  type ControlRequest,
  type ControlResponse,
  ErrorCodes,
  type Outcome,
  VireoError,
} from '@vireo/protocol';
import { type Address, formatAddress } from './addresses.ts';
import { backoffMs, type Call } from './call.ts';
import type { Connection } from './connection.ts';
import type { Links } from './links.ts';
import type { Routing } from './routing.ts';

/** Errors of a dial that no other time will change; they end the search only if every address gives one. */
const hopeless = (error: VireoError): boolean => !ErrorCodes[error.code].retryable && error.code !== 'closed';

/**
 * The control connection: one per client, apart from data, to any node (they pass metadata requests on). Lost, it is
 * dialed anew, here or elsewhere, when the next request needs it.
 */
export class Control {
  readonly #seeds: readonly Address[];
  readonly #links: Links;
  readonly #routing: Routing;
  #connection: Connection | null = null;
  /** Those left for another one and not closed yet, too. */
  readonly #open = new Set<Connection>();
  #dialing: Promise<Connection> | null = null;
  /** Where the last trouble was: tried last. */
  #avoid: string | null = null;
  #closed = false;

  constructor(seeds: readonly Address[], links: Links, routing: Routing) {
    this.#seeds = seeds;
    this.#links = links;
    this.#routing = routing;
  }

  /** Dials unless connected. */
  async connect(call: Call): Promise<Connection> {
    let last: VireoError | null = null;
    for (let attempt = 0; ; attempt++) {
      try {
        return await call.wait(this.#connect(), 'notApplied');
      } catch (cause) {
        const error = asVireo(cause);
        if (call.over) throw unreached(error, last ?? NOBODY);
        if (this.#closed || hopeless(error)) throw error;
        last = error;
      }
      await this.#pause(attempt, call, last);
    }
  }

  /**
   * One request, sent again while that is safe: always after a refusal that may pass, after no answer only if it is
   * `repeatable` (reads, and what a nonce or an id makes the same).
   */
  async request<Op extends ControlOp>(
    request: Extract<ControlRequest, { op: Op }>,
    call: Call,
    repeatable: boolean,
  ): Promise<ControlResponse<Op>> {
    const outcome: Outcome = repeatable ? 'notApplied' : 'unknown';
    let last: VireoError | null = null;
    for (let attempt = 0; ; attempt++) {
      const connection = await this.connect(call);
      try {
        const { stamp } = this.#routing;
        const response = await connection.request<Op>({ ...request, stamp }, call, outcome);
        if ('stamp' in response) this.#routing.sawStamp(response.stamp);
        return response;
      } catch (cause) {
        const error = asVireo(cause);
        if (call.over) throw unreached(error, last);
        const again =
          error.outcome === 'notApplied' ? error.retryable : repeatable && ErrorCodes[error.code].retryable;
        if (!again || this.#closed) throw error;
        last = error;
        this.#leave(connection);
      }
      await this.#pause(attempt, call, last);
    }
  }

  close(): void {
    this.#closed = true;
    for (const connection of [...this.#open]) connection.close();
  }

  async #pause(attempt: number, call: Call, last: VireoError): Promise<void> {
    try {
      await call.sleep(backoffMs(attempt));
    } catch (cause) {
      throw unreached(asVireo(cause), last);
    }
  }

  /** Another node next time, if there is one: this one does not get through. Not while others wait for answers. */
  #leave(connection: Connection): void {
    this.#avoid = formatAddress(connection.address);
    if (connection.unanswered === 0) connection.close();
  }

  #connect(): Promise<Connection> {
    if (this.#connection !== null && !this.#connection.closed && !this.#connection.goingAway) {
      return Promise.resolve(this.#connection);
    }
    this.#dialing ??= this.#dialAny().finally(() => {
      this.#dialing = null;
    });
    return this.#dialing;
  }

  /** Tries every known address once, in random order; throws what was most worth knowing. */
  async #dialAny(): Promise<Connection> {
    const errors: VireoError[] = [];
    for (const address of this.#candidates()) {
      if (this.#closed) break;
      try {
        const connection = await this.#links.dial(address, 'control');
        if (this.#closed) {
          connection.close();
          break;
        }
        this.#connection = connection;
        this.#open.add(connection);
        connection.onClose(() => this.#open.delete(connection));
        return connection;
      } catch (cause) {
        errors.push(asVireo(cause));
      }
    }
    if (this.#closed) throw new VireoError('closed', 'the client was closed');
    throw errors.find((error) => !hopeless(error)) ?? errors[0] ?? new VireoError('connectFailed');
  }

  #candidates(): Address[] {
    const known = new Map<string, Address>();
    for (const address of [...this.#seeds, ...this.#routing.addresses])
      known.set(formatAddress(address), address);
    const order = [...known].map(([text, address]) => ({
      address,
      rank: text === this.#avoid ? 1 : Math.random(),
    }));
    return order.sort((a, b) => a.rank - b.rank).map(({ address }) => address);
  }
}

function asVireo(cause: unknown): VireoError {
  if (VireoError.is(cause)) return cause;
  return new VireoError('internal', cause instanceof Error ? cause.message : String(cause), { cause });
}

/** The call ended before any dial had. */
const NOBODY = new VireoError('connectFailed', 'no server has answered yet');

/** The call ended while something else was wrong: that is what has to be told. */
function unreached(ended: VireoError, last: VireoError | null): VireoError {
  if (last === null || ended.code !== 'timeout') return ended;
  const code = last.code === 'connectFailed' ? 'connectFailed' : 'timeout';
  return new VireoError(code, `gave up waiting; last trouble: ${last.message}`, {
    outcome: ended.outcome,
    retryable: false,
    cause: last,
    details: { code: last.code },
  });
}
