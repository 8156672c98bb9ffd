import type { ReplyOutcome } from '@vireo/vsr';
import type { PendingRequest, RequestHandler, Requests } from './requests.ts';
import type { Subscription } from './subscription.ts';

/** What linearizable subscriptions have to see before they begin: asked of their replicas, by ReadIndex. */
export class ReadIndexes implements RequestHandler {
  readonly #requests: Requests;
  /** To be asked again, once their replicas follow or lead a view. */
  readonly #refused = new Set<Subscription>();
  /** Their replicas have applied what they have to see. */
  readonly #readable: Subscription[] = [];

  constructor(requests: Requests) {
    this.#requests = requests;
  }

  /** Asks what a read that arrives now has to see. */
  ask(subscription: Subscription): void {
    const { group } = subscription;
    // In a view change it would be refused, tick after tick.
    if (!canTell(subscription)) {
      this.#refused.add(subscription);
      return;
    }
    subscription.index = 'asked';
    const request = { connection: null, correlation: 0, group, bytes: 0, startedMs: 0 };
    group.read(this.#requests.add({ ...request, handler: this, context: subscription }));
  }

  /** The replica has applied what the read has to see, or can not tell at present. */
  finished({ context }: PendingRequest, outcome: ReplyOutcome): void {
    const subscription = context as Subscription;
    if (subscription.state !== 'waiting') return;
    if (outcome.type === 'reply') {
      subscription.index = 'applied';
      this.#readable.push(subscription);
    } else {
      subscription.index = 'no';
      this.#refused.add(subscription);
    }
  }

  /** Those that may be asked again now. */
  takeRefused(): Subscription[] {
    const taken: Subscription[] = [];
    for (const subscription of this.#refused) {
      if (subscription.state === 'waiting' && !canTell(subscription)) continue;
      this.#refused.delete(subscription);
      taken.push(subscription);
    }
    return taken;
  }

  /** Those whose index came in this turn. */
  takeReadable(): Subscription[] {
    return this.#readable.splice(0);
  }
}

function canTell({ group }: Subscription): boolean {
  return group.replica.state.status === 'normal';
}
