import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type Durability, type Producer, VireoError } from '@vireo/client';
import type { FinalLog, History } from '@vireo/simulator';

/** Longest time between two acks of one partition, and when it was. */
interface Gap {
  readonly partition: number;
  readonly ms: number;
}

export interface WorkloadOptions {
  readonly topic: string;
  readonly partitions: number;
  readonly history: History;
  /** Names the lanes and records of this workload in the history. */
  readonly name: string;
  /** Batches in flight in each partition. Default 4. */
  readonly inFlight?: number;
  readonly batchRecords?: number;
  readonly valueBytes?: number;
  /** At least so long from one batch of a partition to its next one, ms. Default 0: as fast as acks come. */
  readonly paceMs?: number;
  /** What every ack has to promise. Default `disk`. */
  readonly durability?: Durability;
  /** Hears of every ack: of which partition, and from which node. */
  readonly onAck?: (partition: number, node: number) => void;
}

/**
 * Producers on every partition at once, everything written down in a history. Ids of records are their content, so a
 * record that changed on its way is foreign.
 */
export class Workload {
  readonly #options: Required<WorkloadOptions>;
  readonly #producer: Producer;
  readonly #lastAck: number[];
  readonly #gaps: number[];
  #stopping = false;
  #running: Promise<unknown> | null = null;
  acked = 0;

  constructor(client: Client, options: WorkloadOptions) {
    this.#options = {
      inFlight: 4,
      batchRecords: 10,
      valueBytes: 200,
      paceMs: 0,
      durability: 'disk',
      onAck: () => {},
      ...options,
    };
    this.#producer = client.producer(options.topic);
    this.#lastAck = new Array<number>(options.partitions).fill(0);
    this.#gaps = new Array<number>(options.partitions).fill(0);
  }

  start(): void {
    this.#lastAck.fill(performance.now());
    this.#running = Promise.all(this.#lastAck.map((_, partition) => this.#drive(partition)));
  }

  /** Sends nothing new; resolves when everything is settled. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#running;
    await this.#producer.close({ timeoutMs: 130_000 });
  }

  /** The longest silence of any partition so far, the present one included. */
  largestGap(): Gap {
    const now = performance.now();
    const gaps = this.#gaps.map((gap, partition) =>
      this.#stopping ? gap : Math.max(gap, now - (this.#lastAck[partition] as number)),
    );
    const ms = Math.max(...gaps);
    return { partition: gaps.indexOf(ms), ms };
  }

  /** Starts the measurement of silences anew. */
  resetGaps(): void {
    this.#gaps.fill(0);
    this.#lastAck.fill(performance.now());
  }

  async #drive(partition: number): Promise<void> {
    const { inFlight, batchRecords, valueBytes, paceMs, history, name } = this.#options;
    const lane = `${name}/${partition}`;
    const flights = new Set<Promise<void>>();
    for (let batch = 0; !this.#stopping; batch++) {
      const records = Array.from({ length: batchRecords }, (_, i) => ({
        value: `${lane} ${batch}.${i} `.padEnd(valueBytes, '.'),
      }));
      const ids = records.map((record) => record.value);
      for (const id of ids) history.produced(digest(id), lane);
      const flight: Promise<void> = this.#send(partition, records, ids).finally(() => flights.delete(flight));
      flights.add(flight);
      if (paceMs > 0) await sleep(paceMs);
      while (flights.size >= inFlight) await Promise.race(flights);
    }
    await Promise.all(flights);
  }

  async #send(partition: number, records: { value: string }[], ids: readonly string[]): Promise<void> {
    const { history, durability, onAck } = this.#options;
    try {
      const ack = await this.#producer.sendBatch(records, { partition });
      const { baseOffset } = ack;
      const now = performance.now();
      this.#gaps[partition] = Math.max(
        this.#gaps[partition] as number,
        now - (this.#lastAck[partition] as number),
      );
      this.#lastAck[partition] = now;
      onAck(partition, ack.node);
      if (ack.durability !== durability) throw new Error(`an ack of durability ${ack.durability}`);
      if (baseOffset === null) throw new Error('a duplicate that the partition has forgotten');
      ids.forEach((id, i) => void history.acked(digest(id), String(partition), baseOffset + i));
      this.acked += ids.length;
    } catch (error) {
      if (!VireoError.is(error)) throw error;
      for (const id of ids) {
        if (error.outcome === 'notApplied') history.notApplied(digest(id), error.code);
        else history.unknown(digest(id));
      }
    }
  }
}

/** The id of a record in a history: stands for its whole content. */
export function digest(value: string | Buffer): string {
  return createHash('sha1').update(value).digest('base64url');
}

/** Reads every partition from its start to its end, from one node each where `from` says so. */
export async function readLogs(
  client: Client,
  topic: string,
  from: (partition: number) => number | null = () => null,
): Promise<Map<string, FinalLog>> {
  const { topic: description } = await client.admin.lookupTopic(topic);
  const logs = new Map<string, FinalLog>();
  for (const { partition } of description.groups) {
    const node = from(partition);
    const consumer = client.consumer(topic, {
      partitions: [partition],
      from: 'start',
      until: 'end',
      readFrom: node === null ? 'any' : { node },
    });
    const ids: string[] = [];
    for await (const message of consumer.messages()) {
      if (message.offset !== ids.length)
        throw new Error(`offset ${message.offset} where ${ids.length} was due`);
      ids.push(digest(message.bytes));
    }
    logs.set(String(partition), { start: 0, ids });
    await consumer.close();
  }
  return logs;
}
