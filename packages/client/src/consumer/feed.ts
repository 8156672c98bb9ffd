import {
  decodeBatches,
  decodeError,
  decodeSubscribed,
  decodeSubscriptionStatus,
  encodeCredit,
  encodeSubscribe,
  encodeUnsubscribe,
  type Frame,
  FrameKind,
  VireoError,
} from '@vireo/protocol';
import { backoffMs, Call } from '../call.ts';
import { checksums } from '../checksums.ts';
import type { Connection } from '../connection.ts';
import type { FrameListener } from '../connection-options.ts';
import { type GroupRoute, redirectOf } from '../routing.ts';
import { CreditWindow } from './credit-window.ts';
import { readEnding } from './ending.ts';
import type { FeedHost } from './feed-host.ts';
import { FeedToken } from './feed-token.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { Freshness } from './freshness.ts';
import type { StartAt } from './options.ts';
import { readPush } from './push-reader.ts';
import { ReplicaChoice } from './replica-choice.ts';

/** Interval of `tick`, ms. */
export const FEED_TICK_MS = 500;
/** Nothing heard of a subscription for so many ticks, where a status is due each second: silent. */
const SILENT_TICKS = 6;
/** The same before the answer to `subscribe`, which a replica that catches up may hold back. */
const UNANSWERED_TICKS = 12;
/** Nobody serves: told after so long, ms. */
const STALLED_MS = 5_000;

/** One subscribing: what comes late of an earlier one is not heard. */
interface Subscription extends FrameListener {
  readonly connection: Connection;
  readonly id: number;
  active: boolean;
}

/**
 * One partition's records, in order and without a hole, from whichever replica serves: lost, it subscribes anew at
 * the next undelivered offset. Credit goes back as batches are handled.
 */
export class Feed {
  readonly #host: FeedHost;
  readonly #route: GroupRoute;
  readonly #choice: ReplicaChoice;
  readonly #start: StartAt;
  /** Next offset to expect; −1 until the start is known. */
  #next = -1;
  #until = Number.POSITIVE_INFINITY;
  #subscription: Subscription | null = null;
  readonly #window: CreditWindow;
  #failures = 0;
  #silentTicks = 0;
  readonly #freshness = new Freshness();
  readonly #token: FeedToken;
  #unservedSince = performance.now();
  #stalledTold = false;
  #reason: VireoError = new VireoError('notReady', 'no replica has been asked yet');
  #timer: NodeJS.Timeout | undefined;
  /** Not subscribed, for the caller holds a window full of records. */
  #parked = false;
  #done = false;

  constructor(host: FeedHost, route: GroupRoute, start: StartAt) {
    this.#host = host;
    this.#route = route;
    this.#start = start;
    this.#window = new CreditWindow(host.settings.creditBytes, host.settings.creditRecords);
    this.#token = new FeedToken(host.tokens, route.group);
    this.#choice = new ReplicaChoice(host.links, route, host.settings.readFrom);
  }

  get partition(): number {
    return this.#route.partition;
  }

  get done(): boolean {
    return this.#done;
  }

  /** Finds out where to begin and end, and subscribes. */
  async start(): Promise<void> {
    try {
      if (typeof this.#start === 'number') this.#next = this.#start;
      // The ends are the primary's, whoever serves: they hold all that was acked before.
      if (this.#host.settings.until === 'end' || this.#start === 'end') {
        const call = new Call({ signal: this.#host.closing });
        try {
          const { start, end } = await this.#host.admin.bounds(this.#route, call);
          if (this.#start === 'start') this.#next = start;
          if (this.#start === 'end') this.#next = end;
          if (this.#host.settings.until === 'end') this.#until = end;
        } finally {
          call.dispose();
        }
      }
    } catch (error) {
      if (!this.#done) this.#fail(asError(error));
      return;
    }
    if (this.#done) return;
    if (this.#next >= this.#until) this.#finish();
    else this.#subscribe();
  }

  /** The caller is through with a batch: its credit goes back, in lots of half the window. */
  handled(batch: FetchedBatch): void {
    this.#window.release(batch.creditBytes, batch.creditRecords);
    this.#giveBack(batch.creditBytes, batch.creditRecords);
    if (this.#parked && !this.#done && !this.#window.full) {
      this.#parked = false;
      this.#unservedSince = performance.now();
      void this.#subscribe();
    }
  }

  tick(): void {
    if (this.#done || this.#parked) return;
    const subscription = this.#subscription;
    if (
      subscription !== null &&
      ++this.#silentTicks >= (subscription.active ? SILENT_TICKS : UNANSWERED_TICKS)
    ) {
      this.#leave(new VireoError('timeout', `node ${subscription.connection.node} is silent`));
    }
    if (this.#subscription?.active) return;
    const sinceMs = performance.now() - this.#unservedSince;
    if (sinceMs > this.#host.settings.stalledMsMax) {
      const message = `partition ${this.partition} is served by nobody for ${Math.round(sinceMs)} ms: ${this.#reason.message}`;
      this.#fail(new VireoError('timeout', message, { outcome: 'notApplied', cause: this.#reason }));
    } else if (sinceMs > STALLED_MS && !this.#stalledTold) {
      this.#stalledTold = true;
      this.#host.settings.onEvent({
        type: 'stalled',
        partition: this.partition,
        sinceMs,
        reason: this.#reason,
      });
    }
  }

  close(): void {
    this.#done = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  async #subscribe(): Promise<void> {
    if (this.#window.full) {
      this.#parked = true;
      return;
    }
    let node = -1;
    try {
      node = await this.#choice.choose();
      const connection = await this.#host.links.data(node);
      if (this.#done) return;
      this.#open(connection);
    } catch (error) {
      if (!this.#done) this.#retry(node, asError(error));
    }
  }

  #open(connection: Connection): void {
    const subscription: Subscription = {
      connection,
      id: 0,
      active: false,
      received: (frame) => {
        if (this.#subscription === subscription) this.#received(subscription, frame);
      },
      failed: (error) => {
        if (this.#subscription === subscription) this.#ended(error);
      },
    };
    const id = connection.listen(subscription);
    this.#subscription = Object.assign(subscription, { id });
    const credit = this.#window.open();
    this.#silentTicks = 0;
    connection.sendCovered(
      FrameKind.subscribe,
      id,
      this.#route.group,
      encodeSubscribe({
        subscription: id,
        from: this.#next < 0 ? { start: true } : { offset: this.#next },
        creditBytes: credit.bytes,
        creditRecords: credit.records,
        token: this.#token.next,
        consistency: this.#host.settings.consistency,
        maxStalenessMs: this.#host.settings.maxStalenessMs,
      }),
    );
  }

  #received(subscription: Subscription, frame: Frame): void {
    this.#silentTicks = 0;
    if (frame.kind === FrameKind.batches) this.#pushed(subscription, frame);
    else if (frame.kind === FrameKind.subscribed) this.#subscribed(subscription, frame);
    else if (frame.kind === FrameKind.subscriptionStatus) this.#status(subscription, frame);
    else {
      const end = decodeError(frame.payload);
      if (end.ok) this.#ended(end.value);
      else this.#garbage(subscription, end.error.message);
    }
  }

  #subscribed(subscription: Subscription, frame: Frame): void {
    const answer = decodeSubscribed(frame.payload);
    if (!answer.ok) {
      this.#garbage(subscription, answer.error.message);
      return;
    }
    const { from, node, role, view, lossEpoch } = answer.value;
    if (!this.#enter(lossEpoch)) return;
    if (this.#next >= 0 && from !== this.#next) {
      this.#garbage(subscription, `a subscription from ${this.#next} was begun at ${from}`);
      return;
    }
    if (role === 'primary') this.#host.routing.served(this.#route, view, node);
    else if (this.#choice.primaryOnly) {
      this.#notPrimary(view);
      return;
    }
    this.#next = from;
    subscription.active = true;
    this.#failures = 0;
    this.#stalledTold = false;
    this.#freshness.subscribed();
    this.#choice.served();
    this.#host.settings.onEvent({ type: 'subscribed', partition: this.partition, node, role, offset: from });
  }

  #pushed(subscription: Subscription, frame: Frame): void {
    const push = decodeBatches(frame);
    if (!push.ok) {
      this.#garbage(subscription, push.error.message);
      return;
    }
    if (!subscription.active) {
      this.#garbage(subscription, 'records before the answer to subscribe');
      return;
    }
    if (push.value.role !== 'primary' && this.#choice.primaryOnly) {
      this.#notPrimary(push.value.view);
      return;
    }
    if (!this.#enter(push.value.lossEpoch)) return;
    const read = readPush(this.partition, push.value, this.#next, this.#until, this.#host.tools);
    this.#next = read.next;
    this.#token.read(read.op);
    for (const batch of read.batches) {
      this.#window.hold(batch.creditBytes, batch.creditRecords);
      this.#host.delivered(batch);
    }
    if (this.#next >= this.#until) {
      this.#finish();
      return;
    }
    this.#giveBack(read.skippedBytes, read.skippedRecords);
    if (read.stop === null) this.#aged(subscription, push.value.ageMs);
    else if (read.stop.type === 'garbage') this.#garbage(subscription, read.stop.message);
    else this.#leave(new VireoError(read.stop.code, read.stop.message));
  }

  #status(subscription: Subscription, frame: Frame): void {
    const status = decodeSubscriptionStatus(frame);
    if (status.ok) this.#aged(subscription, status.value.ageMs);
    else this.#garbage(subscription, status.error.message);
  }

  /** The replica may lack what was committed `ageMs` ago: another may know more. */
  #aged({ connection: { node } }: Subscription, ageMs: number): void {
    if (this.#freshness.isFresh(ageMs)) return;
    this.#tellStale(node);
    if (this.#choice.movable)
      this.#leave(
        new VireoError('stale', `node ${node} may lack what was committed ${this.#freshness.text} ago`),
      );
  }

  #tellStale(node: number): void {
    const ageMs = this.#freshness.tell();
    if (ageMs !== null)
      this.#host.settings.onEvent({ type: 'stale', partition: this.partition, node, ageMs });
  }

  /** False: it is another log than the one that was read so far, and the caller is told. */
  #enter(lossEpoch: number): boolean {
    try {
      this.#token.enter(lossEpoch);
      return true;
    } catch (error) {
      this.#ended(asError(error));
      return false;
    }
  }

  #notPrimary(view: number): void {
    const epoch = Math.max(0, this.#route.epoch);
    this.#leave(new VireoError('notPrimary', undefined, { details: { view, epoch } }));
  }

  /** The node ended the subscription, or the connection did. */
  #ended(error: VireoError): void {
    const ending = readEnding(error, this.partition, Math.max(0, this.#next));
    if (error.code === 'stale') {
      this.#freshness.refused(error.details?.ageMs);
      this.#tellStale(this.#subscription?.connection.node ?? -1);
    }
    if (ending.type === 'elsewhere') this.#leave(error);
    else if (ending.type === 'fatal') this.#fail(ending.error);
    else {
      const from = this.#next;
      this.#next = ending.start;
      this.#drop();
      this.#host.settings.onEvent({ type: 'gap', partition: this.partition, from, to: ending.start });
      if (this.#next >= this.#until) this.#finish();
      else void this.#subscribe();
    }
  }

  #garbage(subscription: Subscription, message: string): void {
    // Ends this subscription too, which then looks for another replica.
    subscription.connection.close(new VireoError('connectionLost', `a node sent what cannot be: ${message}`));
  }

  /** Away from the present replica. */
  #leave(reason: VireoError): void {
    const node = this.#subscription?.connection.node ?? -1;
    const was = this.#subscription?.active ?? false;
    this.#drop();
    if (was) {
      this.#unservedSince = performance.now();
      this.#host.settings.onEvent({ type: 'left', partition: this.partition, node, reason });
    }
    this.#retry(node, reason);
  }

  #retry(node: number, reason: VireoError): void {
    this.#reason = reason;
    const redirect = redirectOf(reason);
    const counted = redirect !== null && this.#host.routing.hint(this.#route, redirect);
    this.#choice.failed(node, counted);
    // It said where the primary is, which is the first to be as fresh as is wanted.
    if (reason.code === 'stale' && redirect !== null) this.#choice.prefer(this.#route.primary);
    // The first time at once: the next replica is most likely well.
    const wait = this.#failures++ === 0 ? 0 : backoffMs(this.#failures);
    this.#timer = setTimeout(() => this.#subscribe(), wait);
  }

  #drop(): void {
    const subscription = this.#subscription;
    this.#subscription = null;
    if (subscription === null || subscription.connection.closed) return;
    subscription.connection.release(subscription.id);
    subscription.connection.send(encodeUnsubscribe(subscription.id, this.#route.group, checksums));
  }

  #giveBack(bytes: number, records: number): void {
    const subscription = this.#subscription;
    if (subscription === null) return;
    const credit = this.#window.due(bytes, records);
    if (credit !== null) {
      subscription.connection.send(encodeCredit(subscription.id, this.#route.group, credit, checksums));
    }
  }

  #finish(): void {
    this.close();
    this.#host.finished();
  }

  #fail(error: VireoError): void {
    this.close();
    this.#host.failed(error);
  }
}

function asError(cause: unknown): VireoError {
  if (VireoError.is(cause)) return cause;
  return new VireoError('internal', cause instanceof Error ? cause.message : String(cause), { cause });
}
