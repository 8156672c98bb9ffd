import { defaultLimits, type RecordInput, VireoError, validateName } from '@vireo/protocol';
import { parseSeeds } from './addresses.ts';
import { Admin, splitTopic } from './admin.ts';
import { Call, type CallOptions } from './call.ts';
import { checksums } from './checksums.ts';
import { Consumer } from './consumer/consumer.ts';
import type { ConsumerOptions } from './consumer/options.ts';
import { Control } from './control.ts';
import { Links } from './links.ts';
import { Lz4Loader } from './lz4.ts';
import type { CloseOptions, CloseReport, ProducerOptions } from './producer/options.ts';
import { Producer } from './producer/producer.ts';
import { Routing } from './routing.ts';
import { SessionTokens } from './session-tokens.ts';
import { Sessions } from './sessions.ts';
import type { Topic } from './topic.ts';

export interface ConnectOptions extends CallOptions {
  /** For the nodes' logs. Default `vireo-client`. */
  readonly name?: string;
  /**
   * What another client has written and read, by its `sessionToken`: consumers of this one lack nothing of it. It must be
   * of the same cluster.
   */
  readonly sessionToken?: string | undefined;
  /** From dialing a node to its welcome, ms. Default 3,000. */
  readonly connectTimeoutMs?: number;
}

/** How long `connect` looks for a server by default, ms. */
const CONNECT_DEADLINE_MS = 10_000;
const CONNECT_TIMEOUT_MS = 3_000;

/**
 * Connects to a cluster through any of its nodes: `vireo://127.0.0.1:7400,127.0.0.1:7410`, or a list. The deadline
 * (default 10 s here) is for the first connection; lost ones are dialed anew without being asked.
 *
 * @throws VireoError `connectFailed`, `unsupportedVersion`, `notVireo`, `invalid`, `aborted`
 */
export async function connect(
  seeds: string | readonly string[],
  options: ConnectOptions = {},
): Promise<Client> {
  const addresses = parseSeeds(seeds);
  const { name = 'vireo-client', connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const invalid = validateName(name);
  if (invalid !== null) throw new VireoError(invalid.code, invalid.message);
  const routing = new Routing();
  const links = new Links(routing, { name, limits: defaultLimits, connectTimeoutMs });
  const control = new Control(addresses, links, routing);
  const call = new Call(options, CONNECT_DEADLINE_MS);
  try {
    await control.connect(call);
    return new Client(links, control, routing, options.sessionToken);
  } catch (error) {
    control.close();
    links.close();
    throw error;
  } finally {
    call.dispose();
  }
}

/** A cluster, as a program uses it. */
export class Client {
  readonly admin: Admin;
  readonly #links: Links;
  readonly #control: Control;
  readonly #routing: Routing;
  readonly #sessions: Sessions;
  readonly #lz4 = new Lz4Loader();
  readonly #tokens = new SessionTokens();
  readonly #closing = new AbortController();
  readonly #producers = new Set<{ close(options?: CloseOptions): Promise<CloseReport> }>();
  readonly #consumers = new Set<{ close(): Promise<void> }>();
  #closed: Promise<CloseReport> | null = null;

  /** @internal Use `connect`. */
  constructor(links: Links, control: Control, routing: Routing, sessionToken: string | undefined) {
    this.#links = links;
    this.#control = control;
    this.#routing = routing;
    this.#sessions = new Sessions(control, this.#closing.signal);
    this.admin = new Admin(control, links, routing);
    if (sessionToken !== undefined) this.#tokens.merge(this.#decodeToken(sessionToken));
  }

  /** The cluster's id, 32 hexadecimal digits. */
  get cluster(): string {
    return this.#links.cluster ?? '';
  }

  /** Ids of the nodes known so far. */
  get nodes(): readonly number[] {
    return this.#routing.nodes;
  }

  /**
   * What this client has written (acked) and read so far, as text for another process: a consumer that is given it sees all
   * of that. Within the client it is used by itself. @throws VireoError `limit`: of more than 4,096 partitions
   */
  get sessionToken(): string {
    return this.#tokens.encode(this.cluster, checksums);
  }

  /**
   * Forgets what was written and read: consumers opened from here on may see less. The way on after `lossEpochChanged`,
   * when the caller knows that the end of a log was lost.
   */
  resetSession(): void {
    this.#tokens.clear();
  }

  #decodeToken(text: string): SessionTokens {
    return SessionTokens.decode(text, this.cluster, checksums);
  }

  /** Sends to `stream/topic`, or to a topic with typed values. The topic is looked up with the first record. */
  producer(topic: string, options?: ProducerOptions): Producer<RecordInput>;
  producer<T>(topic: Topic<T>, options?: ProducerOptions): Producer<T>;
  producer<T>(topic: string | Topic<T>, options: ProducerOptions = {}): Producer<T> | Producer<RecordInput> {
    this.#checkOpen();
    const host = {
      admin: this.admin,
      links: this.#links,
      routing: this.#routing,
      sessions: this.#sessions,
      lz4: this.#lz4,
      tokens: this.#tokens,
      gone: (producer: { close(): Promise<CloseReport> }) => this.#producers.delete(producer),
    };
    const producer =
      typeof topic === 'string'
        ? new Producer<RecordInput>(host, checkedTopic(topic), (record) => record, options)
        : new Producer<T>(host, checkedTopic(topic.name), (value) => topic.encode(value), options);
    this.#producers.add(producer);
    return producer;
  }

  /** Reads `stream/topic` (values as bytes), or a topic with typed values. Begins at once. */
  consumer(topic: string, options?: ConsumerOptions): Consumer<Buffer>;
  consumer<T>(topic: Topic<T>, options?: ConsumerOptions): Consumer<T>;
  consumer<T>(topic: string | Topic<T>, options: ConsumerOptions = {}): Consumer<T> | Consumer<Buffer> {
    this.#checkOpen();
    const host = {
      admin: this.admin,
      links: this.#links,
      routing: this.#routing,
      lz4: this.#lz4,
      tokens: this.#tokensOf(options),
      gone: (consumer: { close(): Promise<void> }) => this.#consumers.delete(consumer),
    };
    const consumer =
      typeof topic === 'string'
        ? new Consumer<Buffer>(host, checkedTopic(topic), (bytes) => bytes, options)
        : new Consumer<T>(host, checkedTopic(topic.name), (bytes) => topic.decode(bytes), options);
    this.#consumers.add(consumer);
    return consumer;
  }

  /** Closes consumers, then producers (which finish what they have accepted), then the connections. */
  close(options: CloseOptions = {}): Promise<CloseReport> {
    this.#closed ??= this.#close(options);
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(options: CloseOptions): Promise<CloseReport> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    const reports = await Promise.all([...this.#producers].map((producer) => producer.close(options)));
    this.#closing.abort();
    this.#control.close();
    this.#links.close();
    return { unfinished: reports.reduce((sum, { unfinished }) => sum + unfinished, 0) };
  }

  /** What a consumer starts from and adds to; null: nothing of the session. */
  #tokensOf({ sessionToken }: ConsumerOptions): SessionTokens | null {
    if (sessionToken === null) return null;
    if (sessionToken !== undefined) this.#tokens.merge(this.#decodeToken(sessionToken));
    return this.#tokens;
  }

  #checkOpen(): void {
    if (this.#closed !== null) throw new VireoError('closed', 'the client was closed');
  }
}

function checkedTopic(topic: string): string {
  splitTopic(topic);
  return topic;
}
