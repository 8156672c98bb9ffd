import { setTimeout as sleep } from 'node:timers/promises';
import type { Client, Consumer, ReadFrom } from '@vireo/client';
import type { FinalLog, History, Reading } from '@vireo/simulator';
import { digest } from './workload.ts';

/** A partition's window of one consumer: all of them share the bounds of their client's connections. */
const CREDIT_BYTES = 256 * 1024;

interface Reader {
  readonly name: string;
  readonly consumer: Consumer<Buffer>;
  /** By partition. */
  readonly readings: readonly Reading[];
  readonly running: Promise<void>;
}

/**
 * Consumers that read a whole topic while things happen to it, one in each way that a replica can be chosen: any,
 * the primary, the nearest, and each node for itself. What they get is written down in the history.
 */
export class Readers {
  readonly #readers: readonly Reader[];

  constructor(client: Client, topic: string, partitions: number, nodes: number, history: History) {
    const choices: ReadFrom[] = ['any', 'primary', 'nearest'];
    for (let node = 0; node < nodes; node++) choices.push({ node });
    this.#readers = choices.map((readFrom) => {
      const name = typeof readFrom === 'string' ? readFrom : `node ${readFrom.node}`;
      const readings = Array.from({ length: partitions }, (_, partition) =>
        history.reading(name, String(partition)),
      );
      const consumer = client.consumer(topic, { from: 'start', readFrom, creditBytes: CREDIT_BYTES });
      const running = read(consumer, readings, history);
      // Told by `finish`.
      running.catch(() => {});
      return { name, consumer, readings, running };
    });
  }

  /** Waits until every reader has everything, and ends them. @throws Error naming who did not get it in time */
  async finish(logs: ReadonlyMap<string, FinalLog>, timeoutMs = 20_000): Promise<void> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const missing = this.#readers.flatMap(({ name, readings }) =>
        readings
          .filter(({ partition, records }) => records.length < (logs.get(partition)?.ids.length ?? 0))
          .map(({ partition, records }) => `${name}: ${records.length} of partition ${partition}`),
      );
      if (missing.length === 0) break;
      if (Date.now() > end) throw new Error(`not everything was read after ${timeoutMs} ms: ${missing}`);
      await sleep(30);
    }
    await Promise.all(this.#readers.map(({ consumer }) => consumer.close()));
    // Here a reader says why it ended, if it ended by itself.
    await Promise.all(this.#readers.map(({ running }) => running));
  }
}

async function read(
  consumer: Consumer<Buffer>,
  readings: readonly Reading[],
  history: History,
): Promise<void> {
  for await (const batch of consumer.batches()) {
    const reading = readings[batch.partition];
    if (reading === undefined) throw new Error(`records of partition ${batch.partition}`);
    for (const { offset, value } of batch.records()) history.consumed(reading, offset, digest(value));
  }
}
