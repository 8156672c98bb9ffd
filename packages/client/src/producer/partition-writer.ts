import {
  BatchBuilder,
  type DecodeError,
  decodeProduceAck,
  type ErrorCode,
  encodeProduceHead,
  type Frame,
  type Outcome,
  PRODUCE_ROOM,
  type RecordInput,
  restampBatch,
  VireoError,
} from '@vireo/protocol';
import { checksums } from '../checksums.ts';
import type { Connection } from '../connection.ts';
import type { Links } from '../links.ts';
import type { GroupRoute, Routing } from '../routing.ts';
import type { SessionTokens } from '../session-tokens.ts';
import { batchAck } from './ack.ts';
import { Attempt, type AttemptOwner, failure } from './attempt.ts';
import type { Budget } from './budget.ts';
import { Lane } from './lane.ts';
import type { LaneAction, LaneEvent, LaneOutcome } from './lane-events.ts';
import type { ProducerSettings } from './options.ts';
import { OutBatch, type Waiter } from './out-batch.ts';
import { PrimaryFinder } from './primary-finder.ts';
import { SecondOpinion } from './second-opinion.ts';
import type { TopicSource } from './topic-source.ts';

/** Ticks without an answer after which other nodes are asked: longer than a slow write, shorter than their suspicion. */
const SILENT_TICKS = 3;

/** What a writer needs of its producer. */
export interface WriterContext {
  readonly links: Links;
  readonly routing: Routing;
  readonly settings: ProducerSettings;
  readonly budget: Budget;
  readonly source: TopicSource;
  readonly tokens: SessionTokens;
  /** The producer id for lanes; `expired` is one that must not be used again. Rejects only if there is none to be had. */
  identity(expired: number | null): Promise<number>;
}

/** Sends to one partition: the lane's hands. What is sent when and again is the lane's; bytes and sockets are here. */
export class PartitionWriter implements AttemptOwner {
  readonly #context: WriterContext;
  readonly #route: GroupRoute;
  readonly #lane: Lane;
  readonly #batchBytes: number;
  readonly #finder: PrimaryFinder;
  readonly #opinion: SecondOpinion;
  readonly #batches = new Map<number, OutBatch>();
  readonly #builder: BatchBuilder;
  /** Records in the builder, not submitted. */
  #filling: OutBatch | null = null;
  #flushDue = false;
  #connection: Connection | null = null;
  /** The builder that holds the records of the batch being submitted. */
  #source: BatchBuilder | null = null;
  /** The last step of the lane ended with sending held back. */
  #held = false;
  #identity: number | null = null;
  #nextId = 0;
  #started = false;
  #closed = false;
  /** Called when something was settled. */
  onSettled: (() => void) | null = null;

  constructor(context: WriterContext, route: GroupRoute) {
    this.#context = context;
    this.#route = route;
    const { batchBytes, batchRecords, inFlight, limits } = context.settings;
    this.#lane = new Lane(inFlight);
    // A record larger than the usual batch goes in a batch of its own.
    this.#builder = new BatchBuilder({
      ...limits,
      batchRecordsMax: Math.min(batchRecords, limits.batchRecordsMax),
    });
    this.#batchBytes = batchBytes;
    const { links, routing } = context;
    this.#opinion = new SecondOpinion({ links, routing, route, superseded: () => this.#superseded() });
    this.#finder = new PrimaryFinder({
      links,
      routing,
      route,
      refresh: () => context.source.refresh(),
      found: (connection) => {
        this.#connection = connection;
        this.#opinion.reset();
        this.#step({ type: 'resume' });
      },
    });
  }

  get partition(): number {
    return this.#route.partition;
  }

  /** Whether keyless batches should rather go elsewhere. */
  get troubled(): boolean {
    return this.#finder.troubled;
  }

  /** Whether a keyless record belongs here, to fill what is being filled. */
  get filling(): boolean {
    return this.#filling !== null;
  }

  get idle(): boolean {
    return this.#filling === null && this.#batches.size === 0;
  }

  get unsettledRecords(): number {
    let records = this.#filling?.records ?? 0;
    for (const batch of this.#batches.values()) records += batch.records;
    return records;
  }

  /**
   * Adds one record to the batch being filled. It leaves at the end of this turn if nothing is in flight here, else
   * when the answer comes or the batch is full. `bytesTaken` of the budget go back when it is settled.
   */
  add(record: RecordInput, now: number, waiter: Waiter, bytesTaken: number): DecodeError | null {
    let error = this.#builder.add(record, now);
    if (error !== null && (error.code === 'batchTooLarge' || error.code === 'batchTooManyRecords')) {
      this.flush();
      error = this.#builder.add(record, now);
    }
    if (error !== null) return error;
    this.#filling ??= new OutBatch(this.#nextId++);
    this.#filling.add(waiter, 1, bytesTaken);
    if (this.#builder.size >= this.#batchBytes) this.flush();
    else if (this.#batches.size === 0 && !this.#flushDue) {
      this.#flushDue = true;
      queueMicrotask(() => {
        this.#flushDue = false;
        this.flush();
      });
    }
    return null;
  }

  /** Sends what is in `builder` as one batch of its own, behind what is being filled. Returns its id. */
  submit(builder: BatchBuilder, waiter: Waiter, bytesTaken: number): OutBatch {
    this.flush();
    const batch = new OutBatch(this.#nextId++);
    batch.add(waiter, builder.count, bytesTaken);
    this.#submit(batch, builder);
    return batch;
  }

  /** Closes the batch being filled. */
  flush(): void {
    const batch = this.#filling;
    if (batch === null) return;
    this.#filling = null;
    this.#submit(batch, this.#builder);
  }

  /** `waiter` waits no longer; it is told what can be known. */
  leave(waiter: Waiter, code: ErrorCode, cause: unknown): void {
    const error = (outcome: Outcome) => new VireoError(code, undefined, { outcome, retryable: false, cause });
    const filling = this.#filling;
    if (filling?.onlyFor(waiter)) {
      this.#filling = null;
      this.#builder.reset();
      this.#context.budget.give(filling.bytesTaken, filling.records);
      filling.failed(error('notApplied'));
    } else {
      // Some of its records are between those of others: they will be sent with them.
      filling?.leave(waiter, error('unknown'));
    }
    for (const batch of [...this.#batches.values()]) {
      batch.lastError = batch.onlyFor(waiter) ? error('notApplied') : batch.lastError;
      if (batch.onlyFor(waiter)) this.#step({ type: 'withdraw', batch: batch.id });
      batch.leave(waiter, error('unknown'));
    }
  }

  /** Called every `TICK_MS`: gives up attempts without answer, and batches whose time is up. */
  tick(attemptTicks: number): void {
    const connection = this.#connection;
    let silent = false;
    for (const batch of this.#batches.values()) {
      if (batch.openAttempt === 0) continue;
      if (++batch.openTicks >= SILENT_TICKS) silent = true;
      if (batch.openTicks < attemptTicks) continue;
      this.#unanswered(batch, batch.openAttempt, connection, new VireoError('timeout'));
    }
    if (silent && connection !== null) this.#opinion.ask(connection.node);
    const now = performance.now();
    for (;;) {
      const oldest = this.#lane.oldest;
      const batch = oldest === null ? undefined : this.#batches.get(oldest);
      if (batch === undefined || batch.deadline > now) return;
      this.#step({ type: 'deadline' });
    }
  }

  /** Settles everything now; what is unanswered is of unknown outcome. */
  abandon(code: ErrorCode): void {
    this.#closed = true;
    this.flush();
    this.#step({ type: 'abandon', code });
    this.#finder.close();
    this.#opinion.close();
  }

  #submit(batch: OutBatch, builder: BatchBuilder): void {
    batch.deadline = performance.now() + this.#context.settings.deliveryTimeoutMs;
    this.#batches.set(batch.id, batch);
    this.#source = builder;
    this.#step({ type: 'submit', batch: batch.id });
    // Not sent at once: encoded all the same, for the builder is needed for the next.
    if (batch.bytes === null && this.#batches.has(batch.id)) this.#encode(batch, -1, 0, 0);
    else builder.reset();
    this.#source = null;
    if (!this.#started) {
      this.#started = true;
      this.#finder.start();
    }
  }

  #encode(batch: OutBatch, producerId: number, producerEpoch: number, sequence: number): void {
    const { codec } = this.#context.settings;
    const stamp = { producerId: Math.max(0, producerId), producerEpoch, sequence };
    batch.bytes = this.#source!.finish({ ...stamp, codec, room: PRODUCE_ROOM }, this.#context.source.tools);
    batch.producerId = producerId;
    batch.producerEpoch = producerEpoch;
    batch.sequence = sequence;
  }

  #step(event: LaneEvent): void {
    const out: LaneAction[] = [];
    this.#lane.step(event, out);
    for (const action of out) {
      if (action.type === 'send') this.#send(action);
      else if (action.type === 'settle') this.#settle(action.batch, action.outcome, action.code);
      else if (action.type === 'register') void this.#register();
      // 'hold': whoever stepped knows the node and the reason, and has the finder look on.
      else this.#held = true;
    }
    if (this.#filling !== null && !this.#flushDue && this.#batches.size === 0) this.flush();
  }

  async #register(): Promise<void> {
    try {
      this.#identity = await this.#context.identity(this.#identity);
      this.#step({ type: 'identity', producerId: this.#identity });
    } catch (error) {
      this.#step({ type: 'abandon', code: VireoError.is(error) ? error.code : 'internal' });
    }
  }

  #send(action: Extract<LaneAction, { type: 'send' }>): void {
    const batch = this.#batches.get(action.batch)!;
    const { producerId, producerEpoch, sequence } = action;
    if (batch.bytes === null) this.#encode(batch, producerId, producerEpoch, sequence);
    let bytes = batch.bytes!;
    // A socket may still hold the earlier attempt's bytes: they are not touched.
    if (batch.handedOut) {
      bytes = Buffer.from(bytes);
      batch.bytes = bytes;
    }
    if (
      batch.producerId !== producerId ||
      batch.producerEpoch !== producerEpoch ||
      batch.sequence !== sequence
    ) {
      restampBatch(bytes.subarray(PRODUCE_ROOM), { producerId, producerEpoch, sequence }, checksums);
      batch.producerId = producerId;
      batch.producerEpoch = producerEpoch;
      batch.sequence = sequence;
    }
    batch.handedOut = true;
    const connection = this.#connection!;
    const correlation = connection.expect(new Attempt(this, batch, action.attempt, connection));
    batch.attempts.push({ connection, correlation });
    batch.openAttempt = action.attempt;
    batch.openTicks = 0;
    const topic = this.#context.source.route!;
    encodeProduceHead(
      bytes,
      correlation,
      this.#route.group,
      {
        durability: this.#context.settings.durability,
        routingVersion: topic.version,
        stamp: this.#context.routing.stamp,
        topicId: topic.id,
        partition: this.#route.partition,
      },
      checksums,
    );
    connection.send(bytes);
  }

  /** @internal An ack came. */
  answered(batch: OutBatch, attempt: number, connection: Connection, frame: Frame): void {
    const ack = decodeProduceAck(frame);
    if (!ack.ok || ack.value.count !== batch.records) {
      // Its other attempts and those of the other batches are lost with the connection.
      const message = ack.ok
        ? `an ack of ${ack.value.count} records for ${batch.records}`
        : ack.error.message;
      const error = new VireoError('connectionLost', `a node sent an ack that cannot be: ${message}`);
      this.#unanswered(batch, attempt, connection, error);
      connection.close(error);
      return;
    }
    this.#finder.confirmed(ack.value.view, ack.value.node);
    this.#opinion.reset();
    batch.ack = batchAck(this.#route.group, this.#route.partition, ack.value);
    this.#context.tokens.advance(this.#route.group, batch.ack.token);
    this.#step({ type: 'acked', batch: batch.id, attempt });
  }

  /** @internal An error came, or the connection is gone. */
  refused(
    batch: OutBatch,
    attempt: number,
    connection: Connection,
    error: VireoError,
    closed: boolean,
  ): void {
    if (closed || error.outcome === 'unknown') {
      this.#unanswered(batch, attempt, connection, error);
      return;
    }
    batch.lastError = error;
    if (batch.openAttempt === attempt) batch.openAttempt = 0;
    this.#heldBy(connection, error, { type: 'refused', batch: batch.id, attempt, code: error.code });
  }

  #unanswered(batch: OutBatch, attempt: number, connection: Connection | null, error: VireoError): void {
    batch.lastError = error;
    if (batch.openAttempt === attempt) batch.openAttempt = 0;
    this.#heldBy(connection, error, { type: 'unanswered', batch: batch.id, attempt, code: error.code });
  }

  /** The silent node leads no more: nothing is waited for there. Its late answers count all the same. */
  #superseded(): void {
    const connection = this.#connection;
    const message = `node ${connection?.node} is silent, and the others have another primary`;
    for (const batch of this.#batches.values()) {
      if (batch.openAttempt === 0) continue;
      this.#unanswered(batch, batch.openAttempt, connection, new VireoError('timeout', message));
    }
  }

  #heldBy(connection: Connection | null, error: VireoError, event: LaneEvent): void {
    this.#held = false;
    this.#step(event);
    if (!this.#held || this.#closed) return;
    this.#held = false;
    this.#finder.failed(connection?.node ?? this.#route.primary, error);
  }

  #settle(id: number, outcome: LaneOutcome, code: ErrorCode | null): void {
    const batch = this.#batches.get(id);
    if (batch === undefined) return;
    this.#batches.delete(id);
    for (const { connection, correlation } of batch.attempts) connection.release(correlation);
    this.#context.budget.give(batch.bytesTaken, batch.records);
    if (outcome === 'acked') batch.acked(batch.ack!);
    else batch.failed(failure(batch, outcome, code ?? 'internal', this.#route.partition));
    this.onSettled?.();
  }
}
