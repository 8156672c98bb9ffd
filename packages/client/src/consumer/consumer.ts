import { type DecodedRecord, type DecodeTools, VireoError } from '@vireo/protocol';
import { type Admin, unknownPartition } from '../admin.ts';
import { Call } from '../call.ts';
import { checksums } from '../checksums.ts';
import type { Links } from '../links.ts';
import type { Lz4Loader } from '../lz4.ts';
import type { Routing } from '../routing.ts';
import type { SessionTokens } from '../session-tokens.ts';
import { FEED_TICK_MS, Feed } from './feed.ts';
import type { FetchedBatch } from './fetched-batch.ts';
import { Message, undecodableBatch } from './message.ts';
import { type ConsumerOptions, consumerSettings, startOf } from './options.ts';

/** What a client lends to its consumers. */
export interface ConsumerHost {
  readonly admin: Admin;
  readonly links: Links;
  readonly routing: Routing;
  readonly lz4: Lz4Loader;
  /** What has been written and read is kept here, and what is read adds to it; null: nothing of that. */
  readonly tokens: SessionTokens | null;
  /** The consumer is closed. */
  gone(consumer: { close(): Promise<void> }): void;
}

export interface IterateOptions {
  /** Ends the iteration, not the consumer: a later one goes on where this one stopped. */
  readonly signal?: AbortSignal | undefined;
}

/** A batch in the hands of the caller, record by record. */
interface Open {
  readonly batch: FetchedBatch;
  readonly records: readonly DecodedRecord[] | null;
  readonly error: unknown;
  index: number;
}

/**
 * Reads partitions of one topic. Delivers, tells (`onEvent`), or throws: an iteration ends only when its signal is
 * aborted, the consumer closed, or `until` reached. A record counts as handled when the next one is asked for.
 */
export class Consumer<T> {
  readonly topic: string;
  readonly #host: ConsumerHost;
  readonly #decode: (bytes: Buffer) => T;
  readonly #options: ConsumerOptions;
  readonly #closing = new AbortController();
  readonly #ticker: NodeJS.Timeout;
  #feeds: Feed[] | null = null;
  #unfinished = 0;
  #queue: FetchedBatch[] = [];
  #open: Open | null = null;
  /** The batch last yielded by `batches`, not handled yet. */
  #yielded: FetchedBatch | null = null;
  #error: VireoError | null = null;
  #waiting: (() => void)[] = [];

  /** @internal Use `client.consumer`. */
  constructor(host: ConsumerHost, topic: string, decode: (bytes: Buffer) => T, options: ConsumerOptions) {
    this.topic = topic;
    this.#host = host;
    this.#decode = decode;
    this.#options = options;
    // Options are checked now, not when the first record is asked for.
    consumerSettings(options, 1);
    startOf(options, 0);
    this.#ticker = setInterval(() => {
      for (const feed of this.#feeds ?? []) feed.tick();
    }, FEED_TICK_MS);
    void this.#start();
  }

  /** One record after the other; those of a partition in order. */
  messages(options: IterateOptions = {}): AsyncIterableIterator<Message<T>> {
    const { signal } = options;
    const done: IteratorResult<Message<T>> = { done: true, value: undefined };
    const next = (): Promise<IteratorResult<Message<T>>> => {
      if (!signal?.aborted) {
        const open = this.#open;
        if (open?.records && open.index < open.records.length) {
          return Promise.resolve({ done: false, value: this.#message(open) });
        }
      }
      return fetch();
    };
    const fetch = async (): Promise<IteratorResult<Message<T>>> => {
      const open = await this.#openNext(signal);
      return open === null ? done : { done: false, value: this.#message(open) };
    };
    const iterator: AsyncIterableIterator<Message<T>> = {
      next,
      return: async () => done,
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Whole batches, their records decoded when asked for: for high throughput. */
  batches(options: IterateOptions = {}): AsyncIterableIterator<FetchedBatch> {
    const { signal } = options;
    const done: IteratorResult<FetchedBatch> = { done: true, value: undefined };
    const iterator: AsyncIterableIterator<FetchedBatch> = {
      next: async () => {
        this.#handled();
        const batch = await this.#take(signal);
        this.#yielded = batch;
        return batch === null ? done : { done: false, value: batch };
      },
      return: async () => {
        this.#handled();
        return done;
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  /** Ends subscriptions and iterations. What was not asked for is dropped. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    clearInterval(this.#ticker);
    for (const feed of this.#feeds ?? []) feed.close();
    this.#queue = [];
    this.#open = null;
    this.#wake();
    this.#host.gone(this);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(): Promise<void> {
    const call = new Call({ signal: this.#closing.signal });
    try {
      const lz4 = await this.#host.lz4.load();
      const tools: DecodeTools = { checksums, lz4 };
      const route = await this.#host.admin.route(this.topic, call);
      if (this.#closing.signal.aborted) return;
      const partitions = this.#options.partitions ?? route.groups.map(({ partition }) => partition);
      const settings = consumerSettings(this.#options, partitions.length);
      const feeds = partitions.map((partition) => {
        const group = route.groups[partition];
        if (group === undefined) throw unknownPartition(this.topic, partition, route.partitions);
        const host = {
          admin: this.#host.admin,
          links: this.#host.links,
          routing: this.#host.routing,
          tokens: this.#host.tokens,
          settings,
          tools,
          closing: this.#closing.signal,
          delivered: (batch: FetchedBatch) => this.#delivered(batch),
          finished: () => this.#finished(),
          failed: (error: VireoError) => this.#failed(error),
        };
        return new Feed(host, group, startOf(this.#options, partition));
      });
      this.#feeds = feeds;
      this.#unfinished = feeds.length;
      for (const feed of feeds) void feed.start();
      this.#wake();
    } catch (cause) {
      if (this.#closing.signal.aborted) return;
      this.#failed(VireoError.is(cause) ? cause : new VireoError('internal', String(cause), { cause }));
    } finally {
      call.dispose();
    }
  }

  #message(open: Open): Message<T> {
    const { batch, records, error } = open;
    const record = records?.[open.index++];
    return record === undefined ? undecodableBatch(batch, error) : new Message(batch, record, this.#decode);
  }

  /** The batch under way if it has more, else the next one; null when the iteration is over. */
  async #openNext(signal: AbortSignal | undefined): Promise<Open | null> {
    const open = this.#open;
    if (open?.records && open.index < open.records.length) return signal?.aborted ? null : open;
    if (open !== null) {
      this.#open = null;
      this.#credit(open.batch);
    }
    this.#handled();
    const batch = await this.#take(signal);
    if (batch === null) return null;
    let records: readonly DecodedRecord[] | null = null;
    let error: unknown = null;
    try {
      records = batch.records();
    } catch (cause) {
      error = cause;
    }
    this.#open = { batch, records, error, index: 0 };
    return this.#open;
  }

  async #take(signal: AbortSignal | undefined): Promise<FetchedBatch | null> {
    for (;;) {
      if (signal?.aborted || this.#closing.signal.aborted) return null;
      const batch = this.#queue.shift();
      if (batch !== undefined) return batch;
      if (this.#error !== null) throw this.#error;
      if (this.#feeds !== null && this.#unfinished === 0) return null;
      await this.#arrival(signal);
    }
  }

  #arrival(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      signal?.addEventListener('abort', wake, { once: true });
      this.#waiting.push(wake);
    });
  }

  #handled(): void {
    const batch = this.#yielded;
    this.#yielded = null;
    if (batch !== null) this.#credit(batch);
  }

  #credit(batch: FetchedBatch): void {
    for (const feed of this.#feeds ?? []) {
      if (feed.partition !== batch.partition) continue;
      feed.handled(batch);
      return;
    }
  }

  #delivered(batch: FetchedBatch): void {
    this.#queue.push(batch);
    if (this.#waiting.length > 0) this.#wake();
  }

  #finished(): void {
    this.#unfinished--;
    if (this.#unfinished === 0) this.#wake();
  }

  #failed(error: VireoError): void {
    this.#error ??= error;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
