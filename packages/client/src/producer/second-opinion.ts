import { VireoError } from '@vireo/protocol';
import { Call } from '../call.ts';
import type { Links } from '../links.ts';
import { type GroupRoute, type Routing, redirectOf } from '../routing.ts';

/** A node that has not answered by then is not waited for: the next one is asked. ms */
const ANSWER_MS = 1_000;
/** After so many questions one more tick passes between two, up to `REST_TICKS_MAX`: most failovers are over by then. */
const ASKS_PER_REST = 5;
const REST_TICKS_MAX = 10;
/** A connection with so many requests under way is asked nothing: half of what it may have. */
const UNANSWERED_MAX = 512;

interface Asking {
  readonly links: Links;
  readonly routing: Routing;
  readonly route: GroupRoute;
  /** Another node leads the group by now. */
  superseded(): void;
}

/**
 * A primary that says nothing may be slow, or stopped, or cut off from its peers: its connection does not tell. The
 * other replicas know whether they went on without it, so they are asked. A slow one is not left: sending the same
 * batch elsewhere would only meet a redirect back.
 */
export class SecondOpinion {
  readonly #asking: Asking;
  #underWay = false;
  #asked = 0;
  #rest = 0;
  #closed = false;

  constructor(asking: Asking) {
    this.#asking = asking;
  }

  /** A node was chosen, or has acked something. */
  reset(): void {
    this.#asked = 0;
    this.#rest = 0;
  }

  /** Once a tick while `silent` owes an answer for too long. */
  ask(silent: number): void {
    if (this.#underWay || this.#closed || this.#rest-- > 0) return;
    this.#rest = Math.min(REST_TICKS_MAX, Math.floor(this.#asked / ASKS_PER_REST));
    const others = this.#asking.route.members.filter((member) => member !== silent);
    const node = others[this.#asked++ % Math.max(1, others.length)];
    if (node !== undefined) void this.#ask(node, silent);
  }

  close(): void {
    this.#closed = true;
  }

  async #ask(node: number, silent: number): Promise<void> {
    const { links, routing, route } = this.#asking;
    const call = new Call({}, ANSWER_MS);
    this.#underWay = true;
    try {
      const connection = await call.wait(links.data(node), 'notApplied');
      if (connection.unanswered >= UNANSWERED_MAX) return;
      const request = { op: 'partitionInfo', group: route.group, stamp: routing.stamp } as const;
      const { view } = await connection.request<'partitionInfo'>(request, call, 'notApplied');
      routing.served(route, view, node);
    } catch (cause) {
      const redirect = VireoError.is(cause) ? redirectOf(cause) : null;
      // Nobody knows better so far.
      if (redirect === null) return;
      routing.hint(route, redirect);
    } finally {
      call.dispose();
      this.#underWay = false;
    }
    // In a newer view, or in this one, in which the silent node was only asked in search of the primary.
    if (!this.#closed && route.primary !== silent) this.#asking.superseded();
  }
}
