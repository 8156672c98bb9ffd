import type { Client } from '@vireo/client';
import { History } from '@vireo/simulator';
import type { TestCluster } from './test-cluster.ts';
import { Workload, type WorkloadOptions } from './workload.ts';

/** A new topic with producers on every partition, and what they write down. */
export interface Load {
  readonly client: Client;
  readonly history: History;
  readonly workload: Workload;
}

export type LoadOptions = Omit<WorkloadOptions, 'topic' | 'history' | 'name'>;

/** Makes `stream/topic` with three replicas a partition, waits for its primaries, and starts producing. */
export async function startLoad(cluster: TestCluster, topic: string, options: LoadOptions): Promise<Load> {
  const { partitions, durability = 'disk' } = options;
  const client = await cluster.client();
  await client.admin.createStream(topic.slice(0, topic.indexOf('/')));
  await client.admin.createTopic(topic, { partitions, replication: 3, durability });
  await cluster.ready();
  const history = new History();
  const workload = new Workload(client, { ...options, topic, history, name: 'p' });
  workload.start();
  return { client, history, workload };
}
