import { VireoError } from '@vireo/protocol';
import type { Links } from '../links.ts';
import type { GroupRoute } from '../routing.ts';
import type { ReadFrom } from './options.ts';

/** A replica that fell behind or was silent is passed over for so long, if there is another. ms */
const AVOID_MS = 10_000;

/** Chooses which replica to subscribe at, and remembers which ones were of no use. */
export class ReplicaChoice {
  readonly #links: Links;
  readonly #route: GroupRoute;
  readonly #readFrom: ReadFrom;
  /** Node → when it may be chosen again, ms of `performance.now()`. */
  readonly #avoided = new Map<number, number>();
  /** Asked next, unless it was of no use itself. */
  #preferred: number | null = null;
  /** For `primary`: where to ask when the believed one was wrong. */
  #next: number | null = null;

  constructor(links: Links, route: GroupRoute, readFrom: ReadFrom) {
    this.#links = links;
    this.#route = route;
    this.#readFrom = readFrom;
  }

  /** Whether another replica could be chosen than the one that serves. */
  get movable(): boolean {
    return typeof this.#readFrom !== 'object' && this.#route.members.length > 1;
  }

  get primaryOnly(): boolean {
    return this.#readFrom === 'primary';
  }

  async choose(): Promise<number> {
    if (typeof this.#readFrom === 'object') return this.#readFrom.node;
    if (this.#readFrom === 'primary') return this.#next ?? this.#route.primary;
    const usable = this.#usable();
    const preferred = this.#preferred;
    this.#preferred = null;
    if (preferred !== null && usable.includes(preferred)) return preferred;
    if (this.#readFrom === 'nearest') return this.#nearest(usable);
    return usable[Math.floor(Math.random() * usable.length)]!;
  }

  /** `node` did not serve, or no longer. `counted`: a better belief of the primary is known since. */
  failed(node: number, counted: boolean): void {
    this.#avoided.set(node, performance.now() + AVOID_MS);
    if (counted) {
      this.#next = null;
      return;
    }
    const { members } = this.#route;
    this.#next = members[(members.indexOf(node) + 1) % members.length] ?? null;
  }

  /** The next choice, if it is free and this one is not to be avoided. */
  prefer(node: number): void {
    this.#preferred = node;
  }

  served(): void {
    this.#next = null;
  }

  /** Members that are not avoided; if all are, the one that was of no use the longest ago. */
  #usable(): number[] {
    const { members } = this.#route;
    if (members.length === 0) throw new VireoError('notReady', 'the partition has no known replica');
    const now = performance.now();
    const usable = members.filter((node) => (this.#avoided.get(node) ?? 0) <= now);
    if (usable.length > 0) return usable;
    const until = (node: number): number => this.#avoided.get(node) ?? 0;
    return [members.reduce((best, node) => (until(node) < until(best) ? node : best))];
  }

  async #nearest(nodes: readonly number[]): Promise<number> {
    const dialed = await Promise.allSettled(nodes.map((node) => this.#links.data(node)));
    let nearest = nodes[0]!;
    let least = Number.POSITIVE_INFINITY;
    for (const result of dialed) {
      if (result.status !== 'fulfilled' || result.value.handshakeMs >= least) continue;
      least = result.value.handshakeMs;
      nearest = result.value.node;
    }
    return nearest;
  }
}
