import type { Client } from '@vireo/client';
import { type NodeDescription, VireoError } from '@vireo/protocol';
import { parseTopicName } from '../arguments.ts';
import type { CommandContext } from '../context.ts';
import { renderCluster } from '../view/cluster-tables.ts';
import { type NodeReport, primaryOf, viewCluster } from '../view/cluster-view.ts';
import { NODE_MS_MAX, REQUEST_MS_MAX, withClient } from '../with-client.ts';

/** `cluster describe`: a `ClusterView`. A node that does not answer is shown as down, and is no error. */
export async function describeCluster(context: CommandContext): Promise<void> {
  const { output, signal } = context;
  await withClient(context, async (client) => {
    const description = await client.admin.describe({ signal, deadlineMs: REQUEST_MS_MAX });
    const reports = await askNodes(client, description.nodes, signal);
    const view = viewCluster(description, reports);
    if (output.json) await output.jsonLine(view);
    else await output.line(renderCluster(view, output.width));
  });
}

/** Asks every node for its replicas, all at once. */
export function askNodes(
  { admin }: Client,
  nodes: readonly NodeDescription[],
  signal: AbortSignal,
): Promise<NodeReport[]> {
  return Promise.all(
    nodes.map(async (node) => {
      try {
        const { groups } = await admin.groupStates(node.id, { signal, deadlineMs: NODE_MS_MAX });
        return { node, groups, problem: null };
      } catch (error) {
        signal.throwIfAborted();
        if (VireoError.is(error)) return { node, groups: null, problem: error.code };
        throw error;
      }
    }),
  );
}

/**
 * `cluster primary --topic shop/orders --partition 0 --view 7`: the node that is, was or will be the primary in
 * that view: `{"topic","partition","view","group","members","primary"}`.
 */
export async function predictPrimary(
  context: CommandContext,
  {
    topic: name,
    partition,
    view,
  }: { readonly topic: string; readonly partition: number; readonly view: number },
): Promise<void> {
  context.subject = { ...context.subject, ...parseTopicName(name) };
  const { output, signal } = context;
  await withClient(context, async ({ admin }) => {
    const { topic } = await admin.lookupTopic(name, { signal, deadlineMs: REQUEST_MS_MAX });
    const found = topic.groups.find((each) => each.partition === partition);
    if (found === undefined) {
      const last = topic.partitions - 1;
      throw new VireoError('unknownPartition', `${name} has partitions 0 to ${last}, not ${partition}`);
    }
    const { group, members } = found;
    const primary = primaryOf(members, view);
    if (output.json) await output.jsonLine({ topic: name, partition, view, group, members, primary });
    else await output.line(`node ${primary}`);
  });
}
