import type { Client } from '@vireo/client';

/** By group: the highest view that a replica on one of `nodes` is in, and whom that view has for primary. */
export type Views = ReadonlyMap<number, { readonly view: number; readonly primary: number }>;

/** Asks the nodes, metadata group included. @throws VireoError if one does not answer */
export async function viewsOf(client: Client, nodes: readonly number[]): Promise<Views> {
  const views = new Map<number, { readonly view: number; readonly primary: number }>();
  for (const node of nodes) {
    const { groups } = await client.admin.groupStates(node, { deadlineMs: 5_000 });
    for (const { group, view, primary } of groups) {
      if (view >= (views.get(group)?.view ?? 0)) views.set(group, { view, primary });
    }
  }
  return views;
}

/** The groups whose view is another one than before, in words; `except`: those that `node` led before. */
export function differences(before: Views, after: Views, except?: { readonly ledBy: number }): string[] {
  const found: string[] = [];
  for (const [group, { view, primary }] of before) {
    if (primary === except?.ledBy) continue;
    const now = after.get(group);
    if (now?.view !== view) found.push(`group ${group}, led by node ${primary}: view ${view} → ${now?.view}`);
  }
  return found;
}
