import { type Client, VireoError } from '@vireo/client';

/** Makes the stream and the topic where they do not exist yet, with as many replicas as the cluster can hold. */
export async function ensureTopic(client: Client, topic: string, partitions: number): Promise<void> {
  const replication = Math.min(3, client.nodes.length);
  await client.admin.createStream(topic.slice(0, topic.indexOf('/'))).catch(ignoreExisting);
  await client.admin.createTopic(topic, { partitions, replication }).catch(ignoreExisting);
}

function ignoreExisting(error: unknown): void {
  if (!(VireoError.is(error) && error.code === 'alreadyExists')) throw error;
}
