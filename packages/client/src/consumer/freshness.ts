import { AGE_UNKNOWN } from '@vireo/protocol';

/** Older knowledge than this is stale, whatever bound was asked for, ms. */
const AGE_MS_MAX = 5_000;

/** Judges how old a replica says that its knowledge is, and whether the caller has been told. */
export class Freshness {
  /** The last age that was stated, ms; Infinity: the replica could not tell. */
  #ageMs = 0;
  /** Since when it could not, ms of `performance.now()`; NaN: it could. */
  #unknownSince = Number.NaN;
  #told = false;

  /** Another replica, or the same one again. */
  subscribed(): void {
    this.#told = false;
    this.#unknownSince = Number.NaN;
  }

  /** Whether what a push or status states is recent enough. */
  isFresh(stated: number): boolean {
    const isKnown = stated < AGE_UNKNOWN;
    // Just after it was started, or has become primary, a replica does not know yet.
    if (isKnown) this.#unknownSince = Number.NaN;
    else if (Number.isNaN(this.#unknownSince)) this.#unknownSince = performance.now();
    this.#ageMs = isKnown ? stated : Number.POSITIVE_INFINITY;
    const isFresh = (isKnown ? stated : performance.now() - this.#unknownSince) <= AGE_MS_MAX;
    if (isFresh) this.#told = false;
    return isFresh;
  }

  /** The replica has refused: it is older than was asked for. */
  refused(ageMs: unknown): void {
    this.#ageMs = typeof ageMs === 'number' ? ageMs : Number.POSITIVE_INFINITY;
  }

  /** The age that the caller is to be told of; null: it was told. */
  tell(): number | null {
    if (this.#told) return null;
    this.#told = true;
    return this.#ageMs;
  }

  /** For an error message. */
  get text(): string {
    return Number.isFinite(this.#ageMs) ? `${this.#ageMs} ms` : 'any time';
  }
}
