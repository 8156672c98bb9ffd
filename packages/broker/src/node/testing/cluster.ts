import { type Durability, limitsWith } from '@vireo/protocol';
import type { BrokerConfig } from '../world.ts';
import { Loopback } from './loopback.ts';
import { TestClient } from './test-client.ts';

function limits(changes: Record<string, number> = {}) {
  const made = limitsWith({
    journalFileBytes: 1 << 20,
    journalFiles: 4,
    batchBytesMax: 64 * 1024,
    segmentBytes: 1 << 20,
    ...changes,
  });
  if (!made.ok) throw new Error(made.error.message);
  return made.value;
}

export function config(nodes = 3, changes: Record<string, number> = {}): Omit<BrokerConfig, 'node'> {
  return {
    cluster: 'test',
    nodes: Array.from({ length: nodes }, (_, id) => ({
      id,
      address: `127.0.0.1:${7400 + 10 * id}`,
      host: `h${id}`,
    })),
    secret: 'a secret',
    limits: limits(changes),
    tickMs: 10,
  };
}

/** A founded cluster whose metadata has a primary. */
export function founded(nodes = 3, changes: Record<string, number> = {}): Loopback {
  const cluster = new Loopback(config(nodes, changes));
  cluster.startAll();
  if (!cluster.run(300, () => leader(cluster, 0) !== null)) throw new Error('the cluster was not founded');
  return cluster;
}

export function leader(cluster: Loopback, group: number): number | null {
  for (const { id, broker } of cluster.hosts.values()) {
    if (broker?.groups().find((hosted) => hosted.id === group)?.leading) return id;
  }
  return null;
}

/** Makes shop/orders with some partitions through node `via`; returns the first group and a session. */
export function withTopic(
  cluster: Loopback,
  via = 0,
  partitions = 1,
  durability: Durability = 'disk',
  replication = 3,
): { group: number; producerId: number } {
  const client = TestClient.connect(cluster, via, 'control');
  client.mustCall({ op: 'createStream', name: 'shop' });
  client.mustCall({
    op: 'createTopic',
    stream: 'shop',
    name: 'orders',
    partitions,
    replication,
    durability,
  });
  const { topic } = client.mustCall({ op: 'lookupTopic', stream: 'shop', topic: 'orders' });
  const { sessionId } = client.mustCall({ op: 'register', nonce: Buffer.alloc(16, 1) });
  client.disconnect();
  const group = topic.groups[0]!.group;
  if (!cluster.run(300, () => leader(cluster, group) !== null))
    throw new Error('the partition has no primary');
  return { group, producerId: sessionId };
}
