import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from '@vireo/client';
import { VireoError } from '@vireo/protocol';
import { askNodes } from '../commands/cluster.ts';
import { type ClusterView, viewCluster } from '../view/cluster-view.ts';

/** Between two looks, ms. */
const POLL_MS = 50;
/** For one look, ms. */
const LOOK_MS_MAX = 2_000;
/** After so long it is said what is still missing, ms. */
const TALK_MS = 10_000;

/**
 * Waits until every group has a primary that serves, however long that takes: what is missing is said now and then.
 *
 * @throws the reason of `signal`
 */
export async function waitForPrimaries(
  servers: readonly string[],
  talk: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  let saidMs = performance.now();
  for (;;) {
    const missing = await look(servers, signal);
    if (missing === null) return;
    if (performance.now() - saidMs >= TALK_MS) {
      saidMs = performance.now();
      talk(`still waiting: ${missing}`);
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

/** What is missing, or null. A connection for each look: a node that refused a moment ago may answer now. */
async function look(servers: readonly string[], signal: AbortSignal): Promise<string | null> {
  const call = { signal, deadlineMs: LOOK_MS_MAX };
  try {
    const client = await connect(servers, call);
    try {
      const description = await client.admin.describe(call);
      const reports = await askNodes(client, description.nodes, signal);
      return missingPrimaries(viewCluster(description, reports));
    } finally {
      await client.close();
    }
  } catch (error) {
    signal.throwIfAborted();
    if (VireoError.is(error)) return `${error.code}: ${error.message}`;
    throw error;
  }
}

/** Which groups have no primary; null when all do. */
export function missingPrimaries({ groups }: ClusterView): string | null {
  if (groups[0]?.name !== 'metadata') return 'no node has metadata yet';
  const without = groups.filter(({ primary }) => primary === null).map(({ name }) => name);
  if (without.length === 0) return null;
  const shown = without.slice(0, 3).join(', ');
  return `no primary in ${without.length > 3 ? `${shown} and ${without.length - 3} more` : shown}`;
}
