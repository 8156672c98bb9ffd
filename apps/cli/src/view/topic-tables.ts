import type { Durability, TopicDescription } from '@vireo/protocol';
import { renderTable } from '../output/table.ts';

/** A topic and the stream it is in. */
export interface TopicOfStream {
  readonly stream: string;
  readonly topic: TopicDescription;
}

/** A partition of a topic with the bounds that its primary knows; null where it could not be asked. */
export interface PartitionRow {
  readonly partition: number;
  readonly group: number;
  readonly members: readonly number[];
  readonly bounds: {
    readonly start: number;
    readonly end: number;
    readonly view: number;
    readonly node: number;
    readonly mode: Durability;
    readonly lossEpoch: number;
  } | null;
}

/** A topic in `--json` output. */
export function topicJson(stream: string, topic: TopicDescription) {
  const { id, name, partitions, replication, durability } = topic;
  return { topic: `${stream}/${name}`, id, partitions, replication, durability };
}

/** One line per topic. */
export function renderTopics(topics: readonly TopicOfStream[], width: number): string {
  return renderTable(
    [
      { title: 'TOPIC' },
      { title: 'ID', align: 'right' },
      { title: 'PARTITIONS', align: 'right' },
      { title: 'REPLICATION', align: 'right' },
      { title: 'DURABILITY' },
    ],
    topics.map(({ stream, topic }) => [
      `${stream}/${topic.name}`,
      topic.id,
      topic.partitions,
      topic.replication,
      topic.durability,
    ]),
    width,
  );
}

/** One line per partition. */
export function renderPartitions(partitions: readonly PartitionRow[], width: number): string {
  return renderTable(
    [
      { title: 'PARTITION', align: 'right' },
      { title: 'GROUP', align: 'right' },
      { title: 'MEMBERS' },
      { title: 'PRIMARY', align: 'right' },
      { title: 'START', align: 'right' },
      { title: 'END', align: 'right' },
      { title: 'MODE' },
    ],
    partitions.map(({ partition, group, members, bounds }) => [
      partition,
      group,
      members.join(' '),
      bounds?.node ?? 'none',
      bounds?.start ?? '-',
      bounds?.end ?? '-',
      bounds?.mode ?? '-',
    ]),
    width,
  );
}
