import { type Durability, ModeFlag } from '@vireo/protocol';

/**
 * The mode of a partition over its ops: what an ack of each of them may claim. It is changed by a logged op, so it
 * is the same on every replica at the same op; a setting would not be.
 */
export class ModeTrack {
  /** The op from which on the mode is `memory`; 0: it is `disk`. */
  memoryFrom: number;
  /** Uncommitted changes, in order. */
  #pending: { readonly op: number; readonly flags: number }[] = [];

  /** `creation`: the mode before the first change. */
  constructor(creation: Durability) {
    this.memoryFrom = creation === 'memory' ? 1 : 0;
  }

  /** As of the last applied op. */
  get committed(): Durability {
    return this.memoryFrom === 0 ? 'disk' : 'memory';
  }

  /** As of the head: what the next op would be acked in. */
  get head(): Durability {
    const last = this.#pending.at(-1);
    return last === undefined ? this.committed : durabilityOf(last.flags);
  }

  /**
   * What can be claimed of a committed op. A switch to `disk` is not acked before all that is below it is on stable
   * storage, so from then on all of that is `disk` too.
   */
  durabilityOf(op: number): Durability {
    return this.memoryFrom === 0 || op < this.memoryFrom ? 'disk' : 'memory';
  }

  /** A change is in the log. */
  prepared(op: number, flags: number): void {
    this.#pending.push({ op, flags });
  }

  /** A change is committed. */
  applied(op: number, flags: number): void {
    if (durabilityOf(flags) === 'disk') this.memoryFrom = 0;
    else if (this.memoryFrom === 0) this.memoryFrom = op;
    while (this.#pending.length > 0 && this.#pending[0]!.op <= op) this.#pending.shift();
  }

  /** The uncommitted ops are no longer what they were. */
  clear(): void {
    this.#pending = [];
  }
}

function durabilityOf(flags: number): Durability {
  return flags === ModeFlag.memory ? 'memory' : 'disk';
}
