import { partitionForKey, type RecordInput } from '@vireo/protocol';
import { unknownPartition } from '../admin.ts';
import type { TopicRoute } from '../routing.ts';
import type { Waiter } from './out-batch.ts';
import { PartitionWriter, type WriterContext } from './partition-writer.ts';

/** The writers of a producer, one per partition, made when first used; chooses among them. */
export class Writers {
  readonly #topic: string;
  readonly #context: WriterContext;
  readonly #writers: (PartitionWriter | undefined)[] = [];
  #turn = 0;
  #waiting: (() => void)[] = [];

  constructor(topic: string, context: WriterContext) {
    this.#topic = topic;
    this.#context = context;
  }

  /**
   * The partition asked for, or the key's, or the next in turn. @throws VireoError `unknownPartition`
   */
  choose(route: TopicRoute, partition: number | undefined, key: RecordInput['key']): PartitionWriter {
    if (partition !== undefined) return this.#writer(route, partition);
    if (key !== undefined && key !== null)
      return this.#writer(route, partitionForKey(key, route.keyPartitions));
    return this.#inTurn(route);
  }

  /** Keyless: fills what is being filled, then the next partition, passing over those without a primary. */
  #inTurn(route: TopicRoute): PartitionWriter {
    const current = this.#writers[this.#turn];
    if (current?.filling && !current.troubled) return current;
    for (let i = 1; i <= route.partitions; i++) {
      const next = (this.#turn + i) % route.partitions;
      const writer = this.#writer(route, next);
      if (writer.troubled && i < route.partitions) continue;
      this.#turn = next;
      return writer;
    }
    return this.#writer(route, this.#turn);
  }

  #writer(route: TopicRoute, partition: number): PartitionWriter {
    const existing = this.#writers[partition];
    if (existing !== undefined) return existing;
    const group = route.groups[partition];
    if (group === undefined) throw unknownPartition(this.#topic, partition, route.partitions);
    const writer = new PartitionWriter(this.#context, group);
    writer.onSettled = () => this.#settled();
    this.#writers[partition] = writer;
    return writer;
  }

  /** `waiter` waits no longer for what it sent anywhere. */
  leave(waiter: Waiter, code: 'aborted' | 'timeout', cause: unknown): void {
    for (const writer of this.#writers) writer?.leave(waiter, code, cause);
  }

  tick(attemptTicks: number): void {
    for (const writer of this.#writers) writer?.tick(attemptTicks);
  }

  /** Sends what is being filled, and resolves when nothing is unsettled. */
  async flush(): Promise<void> {
    for (const writer of this.#writers) writer?.flush();
    if (this.#idle) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Settles everything now; returns how many records that were. */
  abandon(): number {
    let unfinished = 0;
    for (const writer of this.#writers) {
      unfinished += writer?.unsettledRecords ?? 0;
      writer?.abandon('closed');
    }
    return unfinished;
  }

  get #idle(): boolean {
    return this.#writers.every((writer) => writer === undefined || writer.idle);
  }

  #settled(): void {
    if (this.#waiting.length === 0 || !this.#idle) return;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
