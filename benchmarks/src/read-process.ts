import { connect } from '@vireo/client';

/**
 * Reads a topic from its start to its end from any replica, every record decoded: `node read-process.js SERVER
 * TOPIC RECORD_BYTES`. Checks that offsets are dense. Prints one line of JSON.
 */
const [server = '', topic = '', size = '0'] = process.argv.slice(2);
const client = await connect(server.split(','));
const consumer = client.consumer(topic, { from: 'start', until: 'end', readFrom: 'any' });
const begun = performance.now();
let records = 0;
let next = 0;
for await (const batch of consumer.batches()) {
  const decoded = batch.records();
  for (const record of decoded) {
    if (record.offset !== next) throw new Error(`offset ${record.offset} where ${next} was due`);
    next++;
  }
  records += decoded.length;
}
const elapsed = (performance.now() - begun) / 1000;
process.stdout.write(
  `${JSON.stringify({
    records,
    recordsPerSecond: records / elapsed,
    megabytesPerSecond: (records * Number(size)) / elapsed / 1e6,
  })}\n`,
);
await client.close();
