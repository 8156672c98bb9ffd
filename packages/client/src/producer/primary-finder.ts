import { type ErrorCode, VireoError } from '@vireo/protocol';
import { backoffMs } from '../call.ts';
import type { Connection } from '../connection.ts';
import type { Links } from '../links.ts';
import { type GroupRoute, type Redirect, type Routing, redirectOf } from '../routing.ts';

/** Redirects followed at once; then the cluster does not know itself who is primary, and time is given to it. */
const HOPS_MAX = 5;
/** A view change takes a few hundred ms: the backoff must not double with every look into it. */
const FAILURES_PER_STEP = 2;
/** Failed looks after which the metadata is read again: members or addresses may have changed. */
const REFRESH_EVERY = 4;

/** Answers that say: not this node. The others say: not now. */
const ELSEWHERE: ReadonlySet<ErrorCode> = new Set([
  'notPrimary',
  'unknownGroup',
  'connectionLost',
  'connectFailed',
  'clusterMismatch',
  'unsupportedVersion',
  'notVireo',
  'goingAway',
  'timeout',
  'closed',
]);

interface Finding {
  readonly links: Links;
  readonly routing: Routing;
  readonly route: GroupRoute;
  /** Reads the topic's metadata again; never rejects. */
  refresh(): Promise<void>;
  /** A connection to the node that is believed to be primary. */
  found(connection: Connection): void;
}

/**
 * Finds the primary of one group: where the newest hint points, at once for the first hops, then with backoff and
 * around the members. One search at a time.
 */
export class PrimaryFinder {
  readonly #finding: Finding;
  #target: number | null = null;
  #hops = 0;
  #failures = 0;
  /** Counts through the members asked in turn. */
  #probe = 0;
  #redialed = false;
  /** Who fell silent, its connection open, since a primary was last heard: not asked in turn with the others. */
  #silent: number | null = null;
  /** Somebody has answered, if only by a refusal, since the last failed dial. */
  #answered = true;
  #searching = false;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(finding: Finding) {
    this.#finding = finding;
  }

  /** Whether several looks in a row have failed: keyless batches pass over this partition. */
  get troubled(): boolean {
    return this.#failures > 1;
  }

  /** The first look. */
  start(): void {
    if (!this.#searching) this.#look(0);
  }

  /** `node` has answered as primary of `view`. */
  confirmed(view: number, node: number): void {
    this.#hops = 0;
    this.#failures = 0;
    this.#redialed = false;
    this.#silent = null;
    this.#target = null;
    this.#finding.routing.served(this.#finding.route, view, node);
  }

  /** `node` could not serve, for the reason in `error`: looks on. */
  failed(node: number, error: VireoError): void {
    const { routing, route } = this.#finding;
    if (error.code === 'timeout') this.#silent = node;
    const redirect = redirectOf(error);
    const counted = redirect !== null && routing.hint(route, redirect);
    if (this.#searching || this.#closed) return;
    // A new view: the wait so far says nothing about it.
    if (counted) this.#failures = 0;
    const elsewhere = counted || (this.#target === null && route.primary !== node);
    if (elsewhere && this.#hops < HOPS_MAX) {
      this.#hops++;
      this.#target = null;
      this.#look(0);
      return;
    }
    this.#hops = 0;
    // A connection may go while its node stays: once, that is tried at once.
    const again = error.code === 'connectionLost' && error.details?.code !== 'timeout' && !this.#redialed;
    if (again) {
      this.#redialed = true;
      this.#look(0);
      return;
    }
    // A dead primary refuses at once: that costs no wait, unless nobody else has answered since the last time.
    const dead = error.code === 'connectFailed' && this.#answered;
    this.#answered = error.code !== 'connectFailed';
    this.#target = this.#whom(node, error, redirect);
    if (dead) {
      this.#look(0);
      return;
    }
    const wait = backoffMs(this.#failures++ / FAILURES_PER_STEP);
    const stale = error.code === 'routingChanged' || this.#failures % REFRESH_EVERY === 0;
    this.#look(wait, stale);
  }

  /** Whom to ask next; null: the believed primary. */
  #whom(node: number, error: VireoError, redirect: Redirect | null): number | null {
    const { route } = this.#finding;
    // It believes what is believed here: then there is nobody better to ask, only later.
    if (redirect !== null && redirect.view === route.view && node !== route.primary) return null;
    // A primary that is cut off says "not ready" for as long as it is: after a while others are asked too.
    if (!ELSEWHERE.has(error.code) && this.#failures <= 1) return this.#target;
    const others = route.members.filter((member) => member !== node && member !== this.#silent);
    return others[this.#probe++ % Math.max(1, others.length)] ?? null;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #look(waitMs: number, refresh = false): void {
    this.#searching = true;
    const go = (): void => {
      void this.#dial(refresh);
    };
    if (waitMs > 0) this.#timer = setTimeout(go, waitMs);
    else go();
  }

  async #dial(refresh: boolean): Promise<void> {
    const { links, route } = this.#finding;
    if (this.#closed) return;
    // Not waited for: the node that answers it may be the one that is in trouble.
    if (refresh) void this.#finding.refresh();
    const node = this.#target ?? route.primary;
    try {
      const connection = await links.data(node);
      if (this.#closed) return;
      this.#searching = false;
      this.#finding.found(connection);
    } catch (cause) {
      this.#searching = false;
      if (this.#closed) return;
      this.failed(node, VireoError.is(cause) ? cause : new VireoError('connectFailed', undefined, { cause }));
    }
  }
}
