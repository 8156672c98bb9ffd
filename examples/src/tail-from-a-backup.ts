// Prints new records of a topic as they are committed, each partition read from one of its backups, so that the
// primaries have nothing to do with it. Ctrl-C ends it.
//   node examples/dist/tail-from-a-backup.js [host:port,…] [stream/topic]
import { type Client, connect, VireoError } from '@vireo/client';

const name = process.argv[3] ?? 'shop/orders';
const client = await connect(process.argv[2] ?? '127.0.0.1:7400');
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

try {
  const { topic } = await client.admin.lookupTopic(name);
  await Promise.all(topic.groups.map(({ partition, members }) => tail(client, partition, members)));
} catch (error) {
  if (!VireoError.is(error)) throw error;
  console.error(`${error.code}: ${error.message}`);
  process.exitCode = 1;
}
await client.close();

async function tail(client: Client, partition: number, members: readonly number[]): Promise<void> {
  const { node: primary } = await client.admin.partitionInfo(name, partition);
  // A topic with one replica has no backup.
  const backup = members.find((member) => member !== primary) ?? primary;
  const consumer = client.consumer(name, {
    partitions: [partition],
    from: 'end',
    readFrom: { node: backup },
    onEvent: (event) => {
      if (event.type !== 'subscribed') console.error(`partition ${partition}: ${event.type}`);
      else console.log(`partition ${partition}: node ${event.node} (${event.role}), from ${event.offset}`);
    },
  });
  // The role is the replica's at that moment: after a failover this backup may have become the primary.
  for await (const message of consumer.messages({ signal: stop.signal })) {
    const { offset, node, role, value } = message;
    console.log(`partition ${partition} offset ${offset} node ${node} (${role}): ${value.toString()}`);
  }
}
