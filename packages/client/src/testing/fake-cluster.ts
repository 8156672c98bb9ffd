import { BatchBuilder, PREPARE_HEADER_SIZE } from '@vireo/protocol';
import { checksums } from '../checksums.ts';
import { FakeNode } from './fake-node.ts';
import { FakePartition, type Seen } from './fake-partition.ts';

/** Three nodes, and the topic `shop/orders`. */
export class FakeCluster {
  readonly nodes: FakeNode[] = [];
  readonly partitions: FakePartition[];
  /** Every produce request, in order of arrival. */
  readonly seen: Seen[] = [];
  sessions = 100;

  private constructor(partitions: number) {
    this.partitions = Array.from({ length: partitions }, (_, i) => new FakePartition(i + 1, i, i % 3));
  }

  static async start(partitions = 1): Promise<FakeCluster> {
    const cluster = new FakeCluster(partitions);
    for (let id = 0; id < 3; id++) cluster.nodes.push(new FakeNode(id, cluster));
    for (const node of cluster.nodes) await node.listen();
    return cluster;
  }

  get seeds(): string[] {
    return this.nodes.map(({ address }) => address);
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** Puts `batches` batches of `each` records into the partition: values are their offsets. */
  fill(partition: FakePartition, batches: number, each: number): void {
    for (let b = 0; b < batches; b++) {
      const builder = new BatchBuilder();
      for (let i = 0; i < each; i++) builder.add({ value: String(partition.end + i) }, 5);
      const stamp = { producerId: 9, producerEpoch: 0, sequence: partition.log.length };
      const bytes = builder.finish({ ...stamp, codec: 0, room: PREPARE_HEADER_SIZE }, { checksums });
      partition.seal(bytes, { count: each, ...stamp });
    }
    for (const node of this.nodes) node.wake();
  }

  /** The next member becomes primary. */
  viewChange(partition: FakePartition): void {
    partition.view++;
    partition.primary = this.members(partition)[partition.view % 3]!;
  }

  members({ partition }: FakePartition): number[] {
    return [0, 1, 2].map((i) => (i + partition) % 3);
  }

  redirect(partition: FakePartition): Record<string, unknown> {
    const { view, primary } = partition;
    return { view, epoch: 0, primary, address: this.nodes[primary]!.address };
  }

  describeNodes(): { id: number; address: string; host: string }[] {
    return this.nodes.map(({ id, address }) => ({ id, address, host: `host-${id}` }));
  }

  describe() {
    const groups = this.partitions.map((partition) => ({
      group: partition.group,
      partition: partition.partition,
      members: this.members(partition),
    }));
    return {
      id: 5,
      name: 'orders',
      partitions: groups.length,
      replication: 3,
      durability: 'disk' as const,
      version: 1,
      keyPartitions: groups.length,
      groups,
    };
  }
}
