import { createHistogram } from 'node:perf_hooks';
import { connect } from '@vireo/client';
import type { Figures } from './loads.ts';

/**
 * One produce load, in a process of its own: `node produce-process.js SERVER TOPIC RECORD_BYTES BATCH_RECORDS
 * IN_FLIGHT SECONDS`. Every record is distinct and is encoded inside the measured time; a record counts when its
 * ack with the offset has reached this program. Prints one line of JSON.
 */
const [server = '', topic = '', ...numbers] = process.argv.slice(2);
const [recordBytes = 0, batchRecords = 0, inFlight = 0, seconds = 0] = numbers.map(Number);

const WARM_MS = 3_000;

const client = await connect(server.split(','));
const producer = client.producer(topic);
const latency = createHistogram();

/** Values of one batch slot: filled with something incompressible once, a counter in front of each record. */
function makeBatch(): { value: Buffer }[] {
  return Array.from({ length: batchRecords }, (_, i) => {
    const value = Buffer.alloc(recordBytes);
    for (let at = 8; at < recordBytes; at++) value[at] = (at * 31 + i * 17) & 0xff;
    return { value };
  });
}

let counter = 0;
let records = 0;
let end = 0;
let begun = 0;

async function slot(): Promise<void> {
  const batch = makeBatch();
  while (performance.now() < end) {
    const sent = performance.now();
    for (const record of batch) record.value.writeDoubleLE(++counter, 0);
    const ack = await producer.sendBatch(batch, { partition: 0 });
    if (ack.baseOffset === null) throw new Error('an ack without an offset');
    latency.record(Math.max(1, Math.round((performance.now() - sent) * 1e6)));
    records += ack.count;
  }
}

async function run(ms: number): Promise<void> {
  begun = performance.now();
  end = begun + ms;
  await Promise.all(Array.from({ length: inFlight }, slot));
}

// Warm: connections, session, compiled code here and at the nodes.
await run(WARM_MS);
latency.reset();
records = 0;
await run(seconds * 1000);
const elapsed = (performance.now() - begun) / 1000;
const figures: Figures = {
  recordsPerSecond: records / elapsed,
  megabytesPerSecond: (records * recordBytes) / elapsed / 1e6,
  p50Ms: latency.percentile(50) / 1e6,
  p99Ms: latency.percentile(99) / 1e6,
  p999Ms: latency.percentile(99.9) / 1e6,
};
process.stdout.write(`${JSON.stringify(figures)}\n`);
await client.close();
