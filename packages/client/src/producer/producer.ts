import { BatchBuilder, type RecordInput, VireoError } from '@vireo/protocol';
import type { Admin } from '../admin.ts';
import { Call, type CallOptions } from '../call.ts';
import type { Links } from '../links.ts';
import type { Lz4Loader } from '../lz4.ts';
import type { Routing, TopicRoute } from '../routing.ts';
import type { SessionTokens } from '../session-tokens.ts';
import type { Sessions } from '../sessions.ts';
import type { BatchAck, ManyAck, RecordAck } from './ack.ts';
import { Budget, overloaded } from './budget.ts';
import { ManyWaiter, takeAll, withAcked } from './many.ts';
import {
  type CloseOptions,
  type CloseReport,
  type ProducerOptions,
  type ProducerSettings,
  producerSettings,
  type SendBatchOptions,
  type SendManyOptions,
  type SendOptions,
} from './options.ts';
import type { Waiter } from './out-batch.ts';
import type { PartitionWriter } from './partition-writer.ts';
import { TopicSource } from './topic-source.ts';
import { BatchWaiter, RecordWaiter } from './waiters.ts';
import { Writers } from './writers.ts';

/** What a client lends to its producers. */
export interface ProducerHost {
  readonly admin: Admin;
  readonly links: Links;
  readonly routing: Routing;
  readonly sessions: Sessions;
  readonly lz4: Lz4Loader;
  readonly tokens: SessionTokens;
  /** The producer is closed. */
  gone(producer: { close(options?: CloseOptions): Promise<CloseReport> }): void;
}

const TICK_MS = 100;
/** What a record is assumed to add to its key and value. */
const RECORD_OVERHEAD = 16;
const CLOSE_TIMEOUT_MS = 10_000;
/** A `sendMany` lasts as long as its source; each batch has its own deadline. */
const UNLIMITED_MS = Number.MAX_SAFE_INTEGER;

/**
 * Sends records to one topic. Idempotent: a batch sent again after a lost connection is stored once. Batches adapt:
 * sent at once when nothing is in flight in the partition, collected while something is.
 */
export class Producer<T = RecordInput> {
  readonly topic: string;
  readonly #host: ProducerHost;
  readonly #encode: (value: T) => RecordInput;
  readonly #settings: ProducerSettings;
  readonly #budget: Budget;
  readonly #scratch: BatchBuilder;
  readonly #writers: Writers;
  readonly #ticker: NodeJS.Timeout;
  readonly #source: TopicSource;
  #identity: Promise<number> | null = null;
  #closing: Promise<CloseReport> | null = null;
  #closed: VireoError | null = null;

  /** @internal Use `client.producer`. */
  constructor(
    host: ProducerHost,
    topic: string,
    encode: (value: T) => RecordInput,
    options: ProducerOptions,
  ) {
    this.topic = topic;
    this.#host = host;
    this.#encode = encode;
    this.#settings = producerSettings(options);
    this.#budget = new Budget(this.#settings.bufferBytes, this.#settings.bufferRecords);
    this.#scratch = new BatchBuilder(this.#settings.limits);
    this.#source = new TopicSource(host, topic, this.#settings.codec);
    this.#writers = new Writers(topic, {
      links: host.links,
      routing: host.routing,
      settings: this.#settings,
      budget: this.#budget,
      source: this.#source,
      tokens: host.tokens,
      identity: (expired) => this.#takeIdentity(expired),
    });
    // Its own tick, so that a blocked event loop is not taken for silence of the cluster.
    this.#ticker = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Bytes and records accepted and not settled. */
  get buffered(): { readonly bytes: number; readonly records: number } {
    return { bytes: this.#budget.bytes, records: this.#budget.records };
  }

  /**
   * Sends one record; resolves when it is stored as the topic promises. Records of one partition keep their order.
   *
   * @throws VireoError with `outcome`: `notApplied` means that it is in no log and never will be.
   */
  async send(value: T, options: SendOptions = {}): Promise<RecordAck> {
    const record = this.#recordOf(value, options);
    const size = sizeOf(record);
    let since = 0;
    if (this.#ready(options) === null || !this.#budget.tryTake(size, 1)) {
      since = performance.now();
      await this.#admit(size, 1, options);
    }
    const waiter = new RecordWaiter();
    const writer = this.#add(record, size, waiter, options.partition);
    return this.#settled(waiter, waiter.promise, writer, options, since);
  }

  /**
   * Sends many records as one batch to one partition: one encoding, one ack. The fast path for load: no promise per
   * record. Refuses what does not fit a batch (`batchTooLarge`, `batchTooManyRecords`).
   */
  async sendBatch(values: readonly T[], options: SendBatchOptions = {}): Promise<BatchAck> {
    if (values.length === 0) throw new VireoError('invalid', 'a batch needs at least one record');
    // The room is taken on an estimate, so that nothing is encoded before there is room, and nothing twice.
    const estimate = values.length * sizeOf(this.#encode(values[0]!));
    let since = 0;
    if (this.#ready(options) === null || !this.#budget.tryTake(estimate, values.length)) {
      since = performance.now();
      await this.#admit(estimate, values.length, options);
    }
    const waiter = new BatchWaiter();
    const writer = this.#submit(values, waiter, estimate, options);
    return this.#settled(waiter, waiter.promise, writer, options, since);
  }

  /**
   * Sends all records of an iterable, taking from it only as there is room. Resolves when all are stored.
   *
   * @throws VireoError the first failure, when what was taken is settled; `details.acked` counts what is stored.
   */
  async sendMany(values: Iterable<T> | AsyncIterable<T>, options: SendManyOptions = {}): Promise<ManyAck> {
    const call = new Call(options, UNLIMITED_MS);
    const waiter = new ManyWaiter();
    try {
      if (this.#ready(options) === null) await call.wait(this.#source.resolve(), 'notApplied');
      await takeAll(values, (value) => this.#sendOne(value, waiter, call, options.partition), call, waiter);
      await waiter.done(call);
    } catch (error) {
      if (call.over) this.#writers.leave(waiter, options.signal?.aborted ? 'aborted' : 'timeout', error);
      // Ends with the call at the latest; what it says of the outcome is the first failure's to tell.
      else await waiter.done(call).catch(() => {});
      throw withAcked(error, waiter.records);
    } finally {
      call.dispose();
    }
    if (waiter.error !== null) throw withAcked(waiter.error, waiter.records);
    return waiter.summary();
  }

  /** Resolves when everything accepted so far is settled, well or not. */
  async flush(options: CallOptions = {}): Promise<void> {
    const call = new Call(options);
    try {
      await call.wait(this.#writers.flush(), 'notApplied');
    } finally {
      call.dispose();
    }
  }

  /** Takes no more records; waits for what was accepted, settles the rest, and says how much that was. */
  close(options: CloseOptions = {}): Promise<CloseReport> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close({ drain = true, timeoutMs = CLOSE_TIMEOUT_MS }: CloseOptions): Promise<CloseReport> {
    this.#closed = new VireoError('closed', 'the producer was closed');
    this.#budget.close(this.#closed);
    if (drain) await this.flush({ deadlineMs: timeoutMs }).catch(() => {});
    const unfinished = this.#writers.abandon();
    clearInterval(this.#ticker);
    this.#host.gone(this);
    return { unfinished };
  }

  #recordOf(value: T, options: SendOptions): RecordInput {
    const record = this.#encode(value);
    const { headers, timestamp, id } = options;
    if (headers === undefined && timestamp === undefined && id === undefined) return record;
    return {
      ...record,
      headers: headers === undefined ? record.headers : [...(record.headers ?? []), ...headers],
      timestamp: timestamp ?? record.timestamp,
      id: id ?? record.id,
    };
  }

  /** The topic, or null when it has to be looked up first. Throws when closed or aborted: nothing was sent. */
  #ready({ signal }: CallOptions): TopicRoute | null {
    if (this.#closed !== null) throw this.#closed;
    if (signal?.aborted)
      throw new VireoError('aborted', undefined, { outcome: 'notApplied', cause: signal.reason });
    return this.#source.route;
  }

  /** The slow way in: looks up the topic, waits for room. */
  async #admit(bytes: number, records: number, options: CallOptions): Promise<void> {
    const call = new Call(options);
    try {
      if (this.#source.route === null) await call.wait(this.#source.resolve(), 'notApplied');
      if (this.#settings.whenFull === 'wait') await this.#budget.take(bytes, records, call);
      else if (!this.#budget.tryTake(bytes, records)) {
        const held = `${this.#budget.bytes} bytes in ${this.#budget.records} records`;
        throw overloaded(`the producer holds ${held}`);
      }
    } finally {
      call.dispose();
    }
  }

  /** Encodes and submits one batch, in one go: the scratch builder is free again when this returns. */
  #submit(values: readonly T[], waiter: Waiter, taken: number, options: SendBatchOptions): PartitionWriter {
    const builder = this.#scratch;
    try {
      if (this.#closed !== null) throw this.#closed;
      const writer = this.#writers.choose(this.#source.route!, options.partition, options.key);
      this.#fill(builder, values);
      const { size } = builder;
      this.#budget.adjust(size - taken);
      writer.submit(builder, waiter, size);
      return writer;
    } catch (error) {
      builder.reset();
      this.#budget.give(taken, values.length);
      throw error;
    }
  }

  #fill(builder: BatchBuilder, values: readonly T[]): void {
    const encode = this.#encode;
    const now = nowMicros();
    for (let i = 0; i < values.length; i++) {
      const error = builder.add(encode(values[i]!), now);
      if (error !== null) {
        throw new VireoError(error.code, `record ${i}: ${error.message}`, { details: { record: i } });
      }
    }
  }

  #sendOne(value: T, waiter: ManyWaiter, call: Call, partition?: number): Promise<void> | undefined {
    const record = this.#encode(value);
    const size = sizeOf(record);
    const add = (): void => {
      this.#add(record, size, waiter, partition);
      waiter.sent();
    };
    if (!this.#budget.tryTake(size, 1)) return this.#budget.take(size, 1, call).then(add);
    add();
    return undefined;
  }

  /** Adds one record, for which there is room; gives the room back when it is refused. */
  #add(record: RecordInput, size: number, waiter: Waiter, partition: number | undefined): PartitionWriter {
    try {
      if (this.#closed !== null) throw this.#closed;
      const writer = this.#writers.choose(this.#source.route!, partition, record.key);
      const error = writer.add(record, nowMicros(), waiter, size);
      if (error !== null) throw new VireoError(error.code, error.message);
      return writer;
    } catch (error) {
      this.#budget.give(size, 1);
      throw error;
    }
  }

  /** One id for all partitions; a lane whose id has expired gets the next one, as the others will in their time. */
  async #takeIdentity(expired: number | null): Promise<number> {
    this.#identity ??= this.#host.sessions.take(this.#source.route!.id);
    const current = this.#identity;
    const id = await current;
    if (id !== expired) return id;
    if (this.#identity === current) this.#identity = this.#host.sessions.fresh();
    return this.#identity;
  }

  /** `since`: when a call that had to wait began, ms; 0 if it had not. */
  async #settled<A>(
    waiter: Waiter,
    promise: Promise<A>,
    writer: PartitionWriter,
    options: CallOptions,
    since: number,
  ): Promise<A> {
    const { signal, deadlineMs } = options;
    // Without a signal or deadline of its own the batch's deadline is the call's: no timer per call.
    if (signal === undefined && deadlineMs === undefined && since === 0) return promise;
    const waited = since === 0 ? 0 : performance.now() - since;
    const total = deadlineMs ?? this.#settings.deliveryTimeoutMs;
    const call = new Call({ signal, deadlineMs: Math.max(0, total - waited) });
    const stop = call.onEnd((ended) => writer.leave(waiter, ended.code, ended.cause));
    try {
      return await promise;
    } finally {
      stop();
      call.dispose();
    }
  }

  #tick(): void {
    const ticks = Math.ceil(this.#settings.attemptTimeoutMs / TICK_MS);
    this.#writers.tick(ticks);
  }
}

function nowMicros(): number {
  return Date.now() * 1_000;
}

function sizeOf(record: RecordInput): number {
  return record.value.length + (record.key?.length ?? 0) + RECORD_OVERHEAD;
}
