import { type Bounds, N } from './bounds.ts';
import type { Driver } from './driver.ts';
import type { Facts, LocalState } from './local-state.ts';
import { type Messages, mayReceive, type Sent } from './messages.ts';

/**
 * Which messages somebody may still look at. The others are dropped from the state of the group: two states that differ
 * in them alone are one, and a step that adds no other is one that nobody sees.
 */
export class MessageUse {
  readonly #messages: Messages;
  readonly #bounds: Bounds;
  readonly #facts: readonly Facts[];
  /** Logs that a node has taken up are dropped. */
  readonly #dropsLogs: boolean;
  readonly #dropped = new Set<number>();
  /** No commit number and no later log of a running view will be delivered any more. */
  newsEnded = false;

  /**
   * `facts`: of the nodes as they are when it is asked; the search changes them in place. `dropsLogs`: no nonce of one run
   * of a process is above the first of a later one, and more than lost ops is judged.
   */
  constructor(messages: Messages, bounds: Bounds, facts: readonly Facts[], dropsLogs: boolean) {
    this.#messages = messages;
    this.#bounds = bounds;
    this.#facts = facts;
    this.#dropsLogs = dropsLogs;
  }

  /** Somebody may still be in its view, even after a crash. */
  isOfUse(id: number): boolean {
    const sent = this.#messages.get(id);
    if (this.newsEnded && this.#messages.isNews(id)) return false;
    if (sent.asks !== 0) return this.#mayBeAnswered(sent, this.#facts[sent.from] as Facts);
    const { type } = sent.message;
    const isForPrimary = type === 'prepareOk' || type === 'doViewChange';
    for (let node = 0; node < N; node++) {
      const facts = this.#facts[node] as Facts;
      const { durableView, durableLogView, view } = facts;
      if (!mayReceive(sent, node) || durableView > sent.view) continue;
      // A view that it has left, or will have left after a crash; or one in which it has all the votes that it wanted.
      if (isForPrimary && durableLogView === sent.view && (view > sent.view || type === 'doViewChange'))
        continue;
      if (this.#dropsLogs && isTakenUp(sent, facts)) {
        this.#dropped.add(id);
        this.#dropped.add(this.#messages.staleOf(id, node));
        continue;
      }
      return true;
    }
    return false;
  }

  /** The question of a run that is over: answers that were made before stay, and are stale. */
  #mayBeAnswered({ asks }: Sent, { firstNonce, recovers, durableLogView }: Facts): boolean {
    if (asks !== firstNonce + 1) return false;
    // Who has been told a log has use for that of a later view alone.
    return !this.#dropsLogs || recovers || durableLogView < this.#bounds.views - 1;
  }

  /**
   * A node, of all those that were met, that looks at a message which was dropped for it (`isTakenUp`); null: there is
   * none, so that the search with the dropped messages would have come to nothing else.
   */
  findTakenUpTwice(driver: Driver): { local: LocalState; message: number } | null {
    const { table } = driver;
    const { size } = table;
    for (let id = 0; id < size; id++) {
      const local = table.get(id);
      const forIt = [...this.#dropped].filter((message) => {
        const sent = this.#messages.get(message);
        return mayReceive(sent, local.node) && isTakenUp(sent, local.facts);
      });
      const message = driver.firstNoticed(local, forIt);
      if (message !== -1) return { local, message };
    }
    return null;
  }
}

/**
 * Whether a node looks at no StartView like this one any more, now or later: it holds a log of that view or a later one
 * over any crash, and did not ask for this one in want of a log. That it does not is what errata E5 and E6 ask of the
 * code, and so is not believed but tried, with every state of a node that was met (`findTakenUpTwice`).
 */
function isTakenUp({ view, message }: Sent, { durableLogView, recovers, firstNonce }: Facts): boolean {
  if (message.type !== 'startView' || view > durableLogView) return false;
  return !recovers || message.nonce <= firstNonce;
}

/** Whether a message that somebody could look at may have become useless. */
export function changesUse(before: Facts, after: Facts): boolean {
  return (
    after.durableView !== before.durableView ||
    after.durableLogView !== before.durableLogView ||
    after.view !== before.view ||
    after.firstNonce !== before.firstNonce ||
    after.recovers !== before.recovers
  );
}
