import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@vireo/client';
import type { City } from './cities.ts';

/** Sending takes about so long: long enough for a failure to fall into the middle of it. ms. */
const PACE_MS = 7_000;
const SLICE_MS = 35;

/** What the producer saw. */
export interface Produced {
  /** By country, the cities' records in the order of sending. */
  readonly sent: ReadonlyMap<string, readonly string[]>;
  readonly elapsedMs: number;
  /** Acks that told of an earlier attempt: the retry after the kill did not append twice. */
  readonly duplicates: number;
}

/** Progress while records are under way. */
export interface Progress {
  acked: number;
  inFlight: number;
  /** By partition, records acked. */
  readonly ackedBy: number[];
  /** By partition, the time of the last ack (performance.now). */
  readonly lastAck: number[];
  /** Called at every ack. */
  onAck: ((partition: number) => void) | null;
}

/** Sends every city to `topic`, keyed by its country, in the order of the data set. Rejects if one is not acked. */
export async function produceCities(
  client: Client,
  topic: string,
  cities: readonly City[],
  progress: Progress,
): Promise<Produced> {
  const producer = client.producer(topic);
  const sent = new Map<string, string[]>();
  let duplicates = 0;
  const begun = performance.now();
  const slice = Math.ceil(cities.length / (PACE_MS / SLICE_MS));
  const acks: Promise<void>[] = [];
  for (let from = 0; from < cities.length; from += slice) {
    for (const city of cities.slice(from, from + slice)) {
      const value = JSON.stringify(city);
      const list = sent.get(city.country);
      if (list === undefined) sent.set(city.country, [value]);
      else list.push(value);
      progress.inFlight++;
      acks.push(
        producer.send({ key: city.country, value }).then(({ partition, duplicate }) => {
          progress.inFlight--;
          progress.acked++;
          progress.ackedBy[partition] = (progress.ackedBy[partition] ?? 0) + 1;
          progress.lastAck[partition] = performance.now();
          if (duplicate) duplicates++;
          progress.onAck?.(partition);
        }),
      );
    }
    const due = begun + ((from + slice) / slice) * SLICE_MS;
    await sleep(Math.max(0, due - performance.now()));
  }
  await Promise.all(acks);
  const elapsedMs = performance.now() - begun;
  await producer.close();
  return { sent, elapsedMs, duplicates };
}
