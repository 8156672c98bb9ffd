import type { Message } from '@vireo/vsr';
import { canonicalText } from './canonical-text.ts';
import { Interner } from './interner.ts';
import type { Prepares } from './prepares.ts';

/** Below the nonces of every run: `Replica` numbers its runs from 1 on, and makes each begin its nonces far above. */
export const STALE_NONCE = 1;

/** A message that was sent at some time, and may be delivered at any time from then on, as often as one likes. */
export interface Sent {
  readonly from: number;
  /** null: to all others. */
  readonly to: number | null;
  readonly message: Message;
  /** View that it belongs to; −1: to none. */
  readonly view: number;
  /** Of a RequestStartView: its nonce; else 0. */
  readonly asks: number;
  /** Of a PrepareOk: the id of the prepare up to which it acks; else −1. */
  readonly acks: number;
}

/** All messages, by canonical content: what differs in nothing that its receiver looks at is one message. */
export class Messages {
  readonly #prepares: Prepares;
  readonly #sent = new Interner<Sent>();
  readonly #starts = new Set<number>();

  constructor(prepares: Prepares) {
    this.#prepares = prepares;
  }

  /** The id of a message; null for those that the search has other means for (see `canonical`). */
  idOf(from: number, to: number, message: Message): number | null {
    const form = canonical(message);
    if (form === null) return null;
    const receiver = isForAll(form) ? null : to;
    const key = `${from} ${receiver} ${canonicalText(form, this.#prepares)}`;
    return this.#sent.intern(key, () => ({
      from,
      to: receiver,
      message: form,
      view: 'view' in form ? form.view : -1,
      asks: form.type === 'requestStartView' ? form.nonce : 0,
      acks: form.type === 'prepareOk' ? this.#prepares.idOf(form.checksum) : -1,
    }));
  }

  /** A StartView was sent when its view began. */
  noteStart(id: number): void {
    this.#starts.add(id);
  }

  /** Whether it tells how far a running view has got: the commit number of a heartbeat, or a later StartView. */
  isNews(id: number): boolean {
    const { message } = this.get(id);
    return (
      message.type === 'ping' ||
      (message.type === 'startView' && message.nonce === 0 && !this.#starts.has(id))
    );
  }

  /**
   * The message after a crash of `node`. Its question is of a run that is over, and of no use (−1); an answer to it says
   * to later runs that it is none of theirs, and nothing else: whichever run it was for, its nonce is too low.
   */
  staleOf(id: number, node: number): number {
    const { from, to, message } = this.get(id);
    if (message.type === 'requestStartView') return from === node ? -1 : id;
    if (message.type !== 'startView' || to !== node || message.nonce <= STALE_NONCE) return id;
    return this.idOf(from, node, { ...message, nonce: STALE_NONCE }) ?? -1;
  }

  get(id: number): Sent {
    return this.#sent.get(id);
  }

  get size(): number {
    return this.#sent.size;
  }
}

function isForAll(message: Message): boolean {
  switch (message.type) {
    case 'prepare':
    case 'ping':
    case 'requestStartView':
      return true;
    // Without a nonce it is what everybody got when the view started.
    case 'startView':
      return message.nonce === 0;
    default:
      return false;
  }
}

/**
 * What of a message counts. A commit number travels on its own, as a ping, which the primary sends at any time: a
 * Prepare with one is that ping, then the Prepare. Of what other frames say of themselves only that is dropped which
 * no receiver reads.
 */
function canonical(message: Message): Message | null {
  switch (message.type) {
    case 'prepare':
      return { ...message, commitMax: 0 };
    case 'prepareOk':
      return { ...message, commitMin: 0 };
    case 'ping':
      // Any other is an answer to a frame of a lower view: StartViewChange tells of higher ones.
      return message.normal ? { ...message, op: 0, sentMs: 0, answer: null } : null;
    // Who lags is told of the view by StartViewChange, and gets what every backup gets.
    case 'requestStartView':
      return message.asker === 'lagging' ? null : message;
    case 'commit':
    // For reads, of which there are none.
    case 'pong':
    case 'readIndex':
    case 'readIndexOk':
    // For cold starts.
    case 'recoveryState':
    // May be sent at any time by who is in its view: told by the views of the nodes.
    case 'startViewChange':
      return null;
    default:
      return message;
  }
}

/** Whether `node` may get it: votes and acks go to one node alone. */
export function mayReceive(sent: Sent, node: number): boolean {
  if (sent.from === node) return false;
  return sent.to === null || sent.to === node;
}
