import { connect, topic } from '@vireo/client';

const greetings = topic<{ to: string }>('demo/greetings', 'json', { key: (greeting) => greeting.to });
await using client = await connect(process.argv[2] ?? 'vireo://127.0.0.1:7400');
await client.admin.createStream('demo');
await client.admin.createTopic('demo/greetings', { partitions: 3 });
const { partition, offset } = await client.producer(greetings).send({ to: 'world' });
console.log(`stored on disk on a quorum of nodes: partition ${partition}, offset ${offset}`);
for await (const message of client.consumer(greetings, { until: 'end' }).messages())
  console.log(`hello ${message.value.to}, from node ${message.node} (${message.role})`);
