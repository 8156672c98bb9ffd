import type { Message, NodeId } from '@vireo/vsr';

/** Messages held at once, and how long. A replica that is created late asks for what it missed anyway. */
const HELD_MAX = 256;
const HELD_MS = 2_000;

interface Held {
  readonly from: NodeId;
  readonly message: Message;
  readonly tick: number;
}

/**
 * Messages for groups that this node's metadata does not know yet: their creation is committed elsewhere and on
 * its way here. Held for a moment, bounded, then dropped; never answered, for "I do not have it" would be a lie
 * that costs data (design: a frame for an unknown group is never nacked).
 */
export class HeldFrames {
  readonly #byGroup = new Map<number, Held[]>();
  readonly #ticks: number;
  #count = 0;
  #tick = 0;

  constructor(tickMs: number) {
    this.#ticks = Math.ceil(HELD_MS / tickMs);
  }

  /** Returns whether there was room. */
  hold(group: number, from: NodeId, message: Message): boolean {
    if (this.#count >= HELD_MAX) return false;
    const held = this.#byGroup.get(group);
    if (held === undefined) this.#byGroup.set(group, [{ from, message, tick: this.#tick }]);
    else held.push({ from, message, tick: this.#tick });
    this.#count++;
    return true;
  }

  /** What was held for a group that exists now, in the order of arrival. */
  take(group: number): readonly Held[] {
    const held = this.#byGroup.get(group);
    if (held === undefined) return [];
    this.#byGroup.delete(group);
    this.#count -= held.length;
    return held;
  }

  tick(): void {
    this.#tick++;
    if (this.#count === 0) return;
    for (const [group, held] of this.#byGroup) {
      while (held.length > 0 && this.#tick - held[0]!.tick > this.#ticks) {
        held.shift();
        this.#count--;
      }
      if (held.length === 0) this.#byGroup.delete(group);
    }
  }
}
