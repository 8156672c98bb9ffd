import type { Client } from '@vireo/client';
import { type ClusterDescription, type Durability, type TopicDescription, VireoError } from '@vireo/protocol';
import { parseTopicName } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import { memoryWarning } from '../output/memory-warning.ts';
import { type PartitionRow, renderPartitions, renderTopics, topicJson } from '../view/topic-tables.ts';
import { NODE_MS_MAX, REQUEST_MS_MAX, withClient } from '../with-client.ts';
import { confirmName } from './confirm.ts';
import { settle } from './settle.ts';

/** Replicas of a partition when the command line does not say; fewer when there are fewer machines. */
const REPLICATION_DEFAULT = 3;

/** Partitions that are asked about at once: a node refuses too many requests of one connection. */
const QUESTIONS_MAX = 64;

/** Options of `topic create`. */
export interface CreateTopicOptions {
  readonly partitions: number;
  readonly replication?: number;
  readonly durability: Durability;
  readonly ifNotExists?: boolean;
}

/** `topic create shop/orders`: a topic as in `topic ls`, and `"created":true`. */
export async function createTopic(
  context: CommandContext,
  name: string,
  { partitions, replication, durability, ifNotExists }: CreateTopicOptions,
): Promise<void> {
  const { stream } = setSubject(context, name);
  const { output, signal } = context;
  const call = { signal, deadlineMs: REQUEST_MS_MAX };
  await withClient(context, async ({ admin }) => {
    let created = true;
    try {
      const replicas = replication ?? Math.min(REPLICATION_DEFAULT, hostsOf(await admin.describe(call)));
      const settings = { partitions, replication: replicas, durability };
      await settle(() => admin.createTopic(name, settings, call), ['alreadyExists'], signal);
    } catch (error) {
      if (!ifNotExists || !VireoError.is(error) || error.code !== 'alreadyExists') throw error;
      created = false;
    }
    const { topic } = await admin.lookupTopic(name, call);
    const warning = memoryWarning(topic);
    if (created && warning !== null) output.talk(warning);
    if (output.json) await output.jsonLine({ ...topicJson(stream, topic), created });
    else {
      const what = created ? 'created' : 'exists already';
      const spread = `${count(topic.partitions, 'partition')}, ${count(topic.replication, 'replica')} each`;
      await output.line(`topic ${name} ${what}, id ${topic.id}: ${spread}, durability ${topic.durability}`);
    }
  });
}

/** `topic ls [STREAM]`: `{"topics":[{"topic":"shop/orders","id":1,"partitions":6,"replication":3,"durability":"disk"}]}`. */
export async function listTopics(context: CommandContext, only: string | undefined): Promise<void> {
  const { output, signal } = context;
  if (only !== undefined) context.subject = { ...context.subject, stream: only };
  await withClient(context, async ({ admin }) => {
    const { streams } = await admin.describe({ signal, deadlineMs: REQUEST_MS_MAX });
    const chosen = only === undefined ? streams : streams.filter(({ name }) => name === only);
    if (only !== undefined && chosen.length === 0) {
      throw new VireoError('unknownStream', `there is no stream '${only}'`);
    }
    const topics = chosen.flatMap(({ name: stream, topics: list }) =>
      list.map((topic) => ({ stream, topic })),
    );
    if (output.json) {
      await output.jsonLine({ topics: topics.map(({ stream, topic }) => topicJson(stream, topic)) });
      return;
    }
    await output.line(renderTopics(topics, output.width));
    if (topics.length === 0) output.talk('there are no topics yet: vireo topic create STREAM/TOPIC');
  });
}

/**
 * `topic describe shop/orders`: a topic as in `topic ls`, and
 * `"groups":[{"partition":0,"group":1,"members":[0,1,2],"primary":0,"view":0,"start":0,"end":9,"mode":"disk",
 * "lossEpoch":0}]`; the last six are null where no primary answers. A partition follows its topic's durability by an op
 * of its own: until then its `mode` is another.
 */
export async function describeTopic(context: CommandContext, name: string): Promise<void> {
  const { stream } = setSubject(context, name);
  const { output, signal } = context;
  await withClient(context, async (client) => {
    const { topic } = await client.admin.lookupTopic(name, { signal, deadlineMs: REQUEST_MS_MAX });
    const rows = await askPartitions(client, name, topic, signal);
    if (output.json) {
      await output.jsonLine({ ...topicJson(stream, topic), groups: rows.map(partitionJson) });
      return;
    }
    output.talk(
      `topic ${name}, id ${topic.id}, ${topic.replication} replicas, durability ${topic.durability}`,
    );
    await output.line(renderPartitions(rows, output.width));
  });
}

/** `topic rm shop/orders`: `{"topic":"shop/orders","id":1,"deleted":true}`. */
export async function removeTopic(
  context: CommandContext,
  name: string,
  { yes }: { readonly yes?: boolean },
): Promise<void> {
  setSubject(context, name);
  const { output, signal } = context;
  const call = { signal, deadlineMs: REQUEST_MS_MAX };
  await withClient(context, async ({ admin }) => {
    // Deleted by id: what was shown when the name was asked for, not a successor of the same name.
    const { topic } = await admin.lookupTopic(name, call);
    if (!yes) await confirmName(context, name, `topic ${name} with all its records`);
    await settle(
      () => admin.deleteTopic({ topicId: topic.id }, call),
      ['unknownTopic', 'topicDeleted'],
      signal,
    );
    if (output.json) await output.jsonLine({ topic: name, id: topic.id, deleted: true });
    else await output.line(`topic ${name} deleted`);
  });
}

export function setSubject(context: CommandContext, name: string): { stream: string; topic: string } {
  const parsed = parseTopicName(name);
  context.subject = { ...context.subject, ...parsed };
  return parsed;
}

/** Asks the primary of each partition. */
export async function askPartitions(
  client: Client,
  name: string,
  topic: TopicDescription,
  signal: AbortSignal,
): Promise<PartitionRow[]> {
  const rows: PartitionRow[] = [];
  for (let first = 0; first < topic.groups.length; first += QUESTIONS_MAX) {
    const asked = topic.groups.slice(first, first + QUESTIONS_MAX).map(async (group) => {
      return { ...group, bounds: await boundsOf(client, name, group.partition, signal) };
    });
    rows.push(...(await Promise.all(asked)));
  }
  return rows;
}

async function boundsOf(
  { admin }: Client,
  name: string,
  partition: number,
  signal: AbortSignal,
): Promise<PartitionRow['bounds']> {
  try {
    return await admin.partitionInfo(name, partition, { signal, deadlineMs: NODE_MS_MAX });
  } catch (error) {
    signal.throwIfAborted();
    if (VireoError.is(error)) return null;
    throw error;
  }
}

function partitionJson({ partition, group, members, bounds }: PartitionRow) {
  const { node = null, view = null, start = null, end = null, mode = null, lossEpoch = null } = bounds ?? {};
  return { partition, group, members, primary: node, view, start, end, mode, lossEpoch };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** Machines, as the nodes' labels name them: two replicas of a partition are never on one. */
function hostsOf({ nodes }: ClusterDescription): number {
  return new Set(nodes.map(({ host }) => host)).size;
}
