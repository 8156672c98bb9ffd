// Loads keyed records as fast as the cluster takes them, and shows how the keys spread over the partitions.
//   node examples/dist/load-by-key.js [host:port,…] [records]
import { type Client, connect, type RecordInput } from '@vireo/client';
import { ensureTopic } from './ensure-topic.ts';

const name = 'demo/readings';
const partitions = 8;
const records = Number(process.argv[3] ?? 100_000);

const client = await connect(process.argv[2] ?? '127.0.0.1:7400');
await ensureTopic(client, name, partitions);
const before = await ends(client);

const started = performance.now();
const producer = client.producer(name);
// Takes from the generator only as there is room: memory stays bounded, however many there are.
const { batches } = await producer.sendMany(readings(records));
const ms = performance.now() - started;
console.log(`${records} records in ${batches} batches acked in ${Math.round(ms)} ms`);

const after = await ends(client);
for (let partition = 0; partition < partitions; partition++) {
  console.log(`partition ${partition}: ${after[partition]! - before[partition]!} records`);
}
await client.close();

function* readings(count: number): Generator<RecordInput> {
  for (let i = 0; i < count; i++) {
    // All readings of a sensor are in one partition, in the order sent.
    const sensor = `sensor-${i % 1000}`;
    yield { key: sensor, value: `{"sensor":"${sensor}","reading":${i}}` };
  }
}

/** One past the last committed offset of each partition, from its primary. */
async function ends(client: Client): Promise<number[]> {
  const bounds = Array.from({ length: partitions }, (_, p) => client.admin.partitionInfo(name, p));
  return (await Promise.all(bounds)).map(({ end }) => end);
}
