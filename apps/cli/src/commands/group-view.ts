import type { Client } from '@vireo/client';
import { VireoError } from '@vireo/protocol';
import { type GroupView, viewCluster } from '../view/cluster-view.ts';
import { REQUEST_MS_MAX } from '../with-client.ts';
import { askNodes } from './cluster.ts';

/** One group as its replicas show it now. @throws VireoError `unknownGroup` */
export async function viewGroup(client: Client, id: number, signal: AbortSignal): Promise<GroupView> {
  const description = await client.admin.describe({ signal, deadlineMs: REQUEST_MS_MAX });
  const { groups } = viewCluster(description, await askNodes(client, description.nodes, signal));
  const found = groups.find(({ group }) => group === id);
  if (found === undefined) throw new VireoError('unknownGroup', `there is no group ${id}`);
  return found;
}
