import {
  type Checksums,
  decodeCredit,
  decodeSubscribe,
  type ErrorCode,
  ErrorCodes,
  encodeBatchesHead,
  encodeError,
  encodeSubscribed,
  encodeSubscriptionStatus,
  type Frame,
  FrameKind,
  type Limits,
} from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import type { Connection } from './connection.ts';
import { CLIENT_UNSENT_MAX, type Connections, isClosed } from './connections.ts';
import { splitByCredit } from './credit.ts';
import type { HostedGroup } from './hosted-group.ts';
import { redirectDetails } from './produce.ts';
import { ReadIndexes } from './read-indexes.ts';
import type { Requests } from './requests.ts';
import type { Stats } from './stats.ts';
import { overLimit } from './subscribe-limits.ts';
import { offsetOf, openSubscription, type ReadChunk, type Subscription, standingOf } from './subscription.ts';
import type { EventLog } from './world.ts';

/** Reads of consumers under way at once, in the whole node: journal writes share the disk with them. */
const READS_MAX = 8;
/** Bytes asked for in one read. */
const READ_BYTES_MIN = 64 * 1024;
const READ_BYTES_MAX = 1024 * 1024;
/** A subscription that sent nothing for so long sends its status. Milliseconds. */
const STATUS_MS = 1_000;
/** A position that this replica has not reached is waited for so long before `behind`. Milliseconds. */
const WAIT_MS = 2_000;

interface SubscriptionsOptions {
  readonly node: NodeId;
  readonly limits: Limits;
  readonly tickMs: number;
  readonly checksums: Checksums;
  readonly connections: Connections;
  readonly stats: Stats;
  readonly log: EventLog;
  /** The group, or the code that says why it is not served here. */
  find(group: number): HostedGroup | ErrorCode;
  /** A code that refuses new work of clients, or null. */
  refusing(): ErrorCode | null;
  readonly requests: Requests;
  /** `host:port` of a node, null when unknown. */
  address(node: NodeId): string | null;
}

/**
 * Pushes committed prepares, whole and as stored, to whoever subscribed at this node, primary or backup. Nothing
 * is looked at below the prepare; credit is counted by the header's count and size.
 */
export class Subscriptions {
  readonly #options: SubscriptionsOptions;
  readonly #all = new Set<Subscription>();
  /** Subscriptions that could read, were it not for the node's bound; first come, first served. */
  readonly #queue = new Set<Subscription>();
  readonly #indexes: ReadIndexes;
  #reads = 0;
  #tick = 0;
  readonly #statusTicks: number;
  readonly #waitTicks: number;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
    this.#indexes = new ReadIndexes(options.requests);
    this.#statusTicks = Math.ceil(STATUS_MS / options.tickMs);
    this.#waitTicks = Math.ceil(WAIT_MS / options.tickMs);
  }

  get size(): number {
    return this.#all.size;
  }

  /** A `subscribe` frame. */
  subscribe(connection: Connection, frame: Frame): void {
    const { connections, limits, refusing } = this.#options;
    const refuse = (code: ErrorCode, message?: string, details?: Record<string, unknown>) =>
      connections.sendError(connection, frame.correlation, frame.group, code, message, details);
    if (refusing() === 'goingAway') {
      refuse('goingAway');
      return;
    }
    const message = decodeSubscribe(frame.payload.subarray(0, frame.covered));
    if (!message.ok) {
      refuse(message.error.code, message.error.message);
      return;
    }
    const request = message.value;
    const excess = overLimit(connection, request, limits);
    if (excess !== null) {
      refuse(excess.code, excess.message);
      return;
    }
    const group = this.#options.find(frame.group);
    if (typeof group === 'string') {
      refuse(group);
      return;
    }
    const subscription = openSubscription(connection, group, request, {
      correlation: frame.correlation,
      tick: this.#tick,
      waitUntilTick: this.#tick + this.#waitTicks,
    });
    connection.subscriptions.set(subscription.id, subscription);
    connection.creditBytes += subscription.creditBytes;
    group.subscriptions.add(subscription);
    this.#all.add(subscription);
    this.#begin(subscription);
  }

  /** A `credit` frame: what the client has handled comes back. */
  credit(connection: Connection, frame: Frame): void {
    const { connections, limits } = this.#options;
    const credit = decodeCredit(frame);
    if (!credit.ok) {
      connections.reject(connection, credit.error.code, credit.error.message);
      return;
    }
    const { bytes, records } = credit.value;
    const subscription = connection.subscriptions.get(frame.correlation);
    // It may have ended while the credit was on its way.
    if (subscription === undefined) return;
    const before = Math.max(0, subscription.creditBytes);
    // Never above the bound: surplus is lost to the client that sent it, not to the others.
    subscription.creditBytes = Math.min(limits.subscriptionCreditBytesMax, subscription.creditBytes + bytes);
    subscription.creditRecords = Math.min(
      limits.subscriptionCreditRecordsMax,
      subscription.creditRecords + records,
    );
    connection.creditBytes += Math.max(0, subscription.creditBytes) - before;
    this.#pump(subscription);
  }

  /** An `unsubscribe` frame. */
  unsubscribe(connection: Connection, frame: Frame): void {
    const subscription = connection.subscriptions.get(frame.correlation);
    if (subscription !== undefined) this.#forget(subscription);
  }

  /** The connection is gone. */
  gone(connection: Connection): void {
    for (const subscription of connection.subscriptions.values()) this.#forget(subscription);
  }

  /** The connection's unsent bytes went down. */
  drained(connection: Connection): void {
    for (const subscription of connection.subscriptions.values()) this.#pump(subscription);
  }

  /** Ops of the group were applied: whoever waits at the tail gets them in this turn. */
  applied(group: HostedGroup): void {
    for (const subscription of group.subscriptions) {
      if (subscription.state === 'waiting') this.#begin(subscription);
      else this.#pump(subscription);
    }
  }

  /** Ends every subscription of a group (null: of the node). */
  endAll(group: HostedGroup | null, code: ErrorCode): void {
    for (const subscription of group === null ? this.#all : group.subscriptions)
      this.#end(subscription, code);
  }

  tick(): void {
    const tick = ++this.#tick;
    for (const subscription of this.#indexes.takeRefused()) this.#beginIfWaiting(subscription);
    if (tick % 10 !== 0) return;
    for (const subscription of this.#all) {
      if (subscription.state === 'waiting') {
        if (tick >= subscription.waitUntilTick) this.#end(subscription, 'behind');
        else this.#begin(subscription);
      } else if (!this.#endIfStale(subscription) && tick - subscription.sentTick >= this.#statusTicks) {
        this.#sendStatus(subscription);
      }
    }
  }

  #beginIfWaiting(subscription: Subscription): void {
    if (subscription.state === 'waiting') this.#begin(subscription);
  }

  /** Resolves where the subscription begins, once this replica has what the client's token names. */
  #begin(subscription: Subscription): void {
    const { group, from, connection } = subscription;
    const { state } = group.replica;
    const { startOffset: start, endOffset: end } = group.log;
    const serves = group.leading;
    // The end at a primary counts only when this view's first op is committed: before, acked records may be missing.
    if (group.leads && !serves) return;
    // What it holds may not be what the group goes on from.
    if (group.recovering) return;
    const { token } = subscription;
    if (token !== null && token.lossEpoch < group.lossEpoch) {
      this.#end(subscription, 'lossEpochChanged');
      return;
    }
    if (token !== null && (token.lossEpoch > group.lossEpoch || token.op > state.commitMin)) return;
    if (this.#endIfStale(subscription)) return;
    if (subscription.index === 'no') this.#indexes.ask(subscription);
    if (subscription.index === 'no' || subscription.index === 'asked') return;
    const next = offsetOf(from, start, end);
    // A backup can not tell what lies beyond its end from what never was, unless it has asked: it waits for the data.
    if (next < start || (next > end && (serves || subscription.index === 'applied'))) {
      this.#end(subscription, 'offsetOutOfRange', { start, end });
      return;
    }
    subscription.next = next;
    subscription.lossEpoch = group.lossEpoch;
    subscription.state = 'active';
    const answer = encodeSubscribed({
      start,
      end,
      lossEpoch: group.lossEpoch,
      op: state.commitMin,
      from: next,
      node: this.#options.node,
      role: serves ? 'primary' : 'backup',
      view: state.view,
      ageMs: group.replica.ageMs,
    });
    this.#options.connections.send(
      connection,
      FrameKind.subscribed,
      subscription.correlation,
      group.id,
      answer,
    );
    subscription.sentTick = this.#tick;
    this.#pump(subscription);
  }

  /** Sends what is read, reads what is next: as far as credit, socket and the node's bound allow. */
  #pump(subscription: Subscription): void {
    if (subscription.state !== 'active') return;
    if (subscription.group.lossEpoch !== subscription.lossEpoch) {
      // What was sent may not be in the log that goes on.
      this.#end(subscription, 'lossEpochChanged');
      return;
    }
    if (subscription.ahead !== null) {
      if (this.#endIfStale(subscription)) return;
      this.#push(subscription, subscription.ahead);
    }
    if (subscription.reading || subscription.ahead !== null) return;
    if (subscription.connection.unsentBytes >= CLIENT_UNSENT_MAX) return;
    if (subscription.next >= subscription.group.log.endOffset) return;
    if (this.#reads >= READS_MAX) {
      this.#queue.add(subscription);
      return;
    }
    this.#read(subscription);
  }

  #read(subscription: Subscription): void {
    const bytes = Math.min(READ_BYTES_MAX, Math.max(READ_BYTES_MIN, subscription.creditBytes));
    subscription.reading = true;
    this.#reads++;
    this.#options.stats.readsStarted++;
    subscription.group.log.readFrom(subscription.next, bytes, (error, chunk) => {
      this.#reads--;
      subscription.reading = false;
      if (error !== null) this.#readFailed(subscription, error.code);
      else if (subscription.state === 'active') {
        subscription.ahead = chunk;
        subscription.next = Math.max(subscription.next, chunk.nextOffset);
        this.#pump(subscription);
      }
      this.#readNext();
    });
  }

  #readNext(): void {
    for (const waiting of this.#queue) {
      if (this.#reads >= READS_MAX) return;
      this.#queue.delete(waiting);
      this.#pump(waiting);
    }
  }

  #readFailed(subscription: Subscription, code: string): void {
    const { stats, log } = this.#options;
    stats.readsFailed++;
    log.event('error', 'read.failed', { group: subscription.group.id, offset: subscription.next, code });
    if (code === 'outOfRange') {
      const { startOffset: start, endOffset: end } = subscription.group.log;
      this.#end(subscription, 'offsetOutOfRange', { start, end });
    } else this.#end(subscription, 'corruptPrepare');
  }

  #push(subscription: Subscription, chunk: ReadChunk): void {
    const { connection } = subscription;
    if (subscription.creditBytes <= 0 || subscription.creditRecords <= 0) return;
    if (connection.unsentBytes >= CLIENT_UNSENT_MAX) return;
    const split = splitByCredit(chunk, subscription.creditBytes, subscription.creditRecords);
    subscription.ahead = split.rest;
    const before = Math.max(0, subscription.creditBytes);
    subscription.creditBytes -= split.size;
    subscription.creditRecords -= split.now.records;
    connection.creditBytes -= before - Math.max(0, subscription.creditBytes);
    subscription.sentTick = this.#tick;
    const { stats, connections } = this.#options;
    stats.batchesPushed++;
    stats.bytesPushed += split.size;
    stats.recordsPushed += split.now.records;
    const fields = {
      ...standingOf(subscription.group, this.#options.node),
      firstOffset: split.now.firstOffset,
    };
    const { id, group } = subscription;
    const head = encodeBatchesHead(id, group.id, fields, split.size, this.#options.checksums);
    connections.sendRaw(connection, [head, ...split.now.bytes], head.length + split.size);
  }

  #sendStatus(subscription: Subscription): void {
    subscription.sentTick = this.#tick;
    const { connection, group, id } = subscription;
    const frame = encodeSubscriptionStatus(
      id,
      group.id,
      standingOf(group, this.#options.node),
      this.#options.checksums,
    );
    this.#options.connections.sendRaw(connection, [frame], frame.length);
  }

  /** End of a turn, when the replicas have settled: reads whose index came in it. */
  settle(): void {
    for (const subscription of this.#indexes.takeReadable()) this.#beginIfWaiting(subscription);
  }

  /** Refuses what would be older than the reader wants it: the primary is likely to know more. */
  #endIfStale(subscription: Subscription): boolean {
    const { group, maxStalenessMs } = subscription;
    const { ageMs, state } = group.replica;
    if (ageMs <= maxStalenessMs) return false;
    const redirect = redirectDetails(group, state, (node) => this.#options.address(node));
    const age = Number.isFinite(ageMs) ? { ageMs: Math.ceil(ageMs) } : {};
    this.#options.stats.readsStale++;
    this.#end(subscription, 'stale', { ...redirect, ...age });
    return true;
  }

  #end(subscription: Subscription, code: ErrorCode, details?: Record<string, unknown>): void {
    const { connection, group, id, correlation, state } = subscription;
    const { connections } = this.#options;
    this.#forget(subscription);
    if (isClosed(connection)) return;
    // The subscribe request itself is still unanswered: an error answers it.
    if (state === 'waiting') {
      connections.sendError(connection, correlation, group.id, code, undefined, details);
      return;
    }
    const payload = encodeError({ code, message: ErrorCodes[code].message, details });
    connections.send(connection, FrameKind.subscriptionEnd, id, group.id, payload);
  }

  #forget(subscription: Subscription): void {
    const { connection, group } = subscription;
    subscription.state = 'ended';
    subscription.ahead = null;
    connection.creditBytes -= Math.max(0, subscription.creditBytes);
    connection.subscriptions.delete(subscription.id);
    group.subscriptions.delete(subscription);
    this.#all.delete(subscription);
    this.#queue.delete(subscription);
  }
}
