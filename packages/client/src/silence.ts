/** The connection's own clock, ms: a blocked event loop is not a silent server. */
export const TICK_MS = 500;
/** Silent for so many ticks while something is awaited: ask whether anybody is there. */
const ASK_AFTER_TICKS = 2;
/** Silent for so many: gone (a machine without power closes no connection). */
const LOST_AFTER_TICKS = 8;

/** Tells a server that has nothing to say from one that is not there. */
export class Silence {
  #heard = true;
  #ticks = 0;

  /** Bytes came. */
  heard(): void {
    this.#heard = true;
  }

  /** Once every `TICK_MS`. `awaited`: an answer or a push is due some time. */
  tick(awaited: boolean): 'ok' | 'ask' | 'lost' {
    if (this.#heard || !awaited) {
      this.#heard = false;
      this.#ticks = 0;
      return 'ok';
    }
    this.#ticks++;
    if (this.#ticks >= LOST_AFTER_TICKS) return 'lost';
    return this.#ticks === ASK_AFTER_TICKS ? 'ask' : 'ok';
  }
}
