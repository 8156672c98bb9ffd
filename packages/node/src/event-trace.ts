/** Events kept for the dump of a failed node. */
export const TRACE_EVENTS = 1000;

/** One event as the dump shows it. */
export interface TracedEvent {
  readonly name: string;
  readonly timeMs: number;
  /** Connection, peer or length, as the event has them; −1: has none. */
  readonly first: number;
  readonly second: number;
}

/**
 * The last events that went into the core, for the dump of a node that failed. Written on the hot path, so it
 * is four arrays that are overwritten in a ring: nothing is allocated for an event.
 */
export class EventTrace {
  readonly #names: string[] = new Array<string>(TRACE_EVENTS).fill('');
  readonly #times = new Float64Array(TRACE_EVENTS);
  readonly #first = new Float64Array(TRACE_EVENTS);
  readonly #second = new Float64Array(TRACE_EVENTS);
  #count = 0;

  record(name: string, timeMs: number, first: number, second: number): void {
    const at = this.#count++ % TRACE_EVENTS;
    this.#names[at] = name;
    this.#times[at] = timeMs;
    this.#first[at] = first;
    this.#second[at] = second;
  }

  /** The events that are kept, oldest first. */
  events(): TracedEvent[] {
    const events: TracedEvent[] = [];
    for (let index = Math.max(0, this.#count - TRACE_EVENTS); index < this.#count; index++) {
      const at = index % TRACE_EVENTS;
      events.push({
        name: this.#names[at] ?? '',
        timeMs: this.#times[at] ?? 0,
        first: this.#first[at] ?? -1,
        second: this.#second[at] ?? -1,
      });
    }
    return events;
  }
}
