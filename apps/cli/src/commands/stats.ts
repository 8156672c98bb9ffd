import { VireoError } from '@vireo/protocol';
import type { CommandContext } from '../context.ts';
import { type NodeStats, renderStats } from '../view/stats-table.ts';
import { NODE_MS_MAX, REQUEST_MS_MAX, withClient } from '../with-client.ts';

/**
 * `stats`: `{"nodes":[{"node":0,"address":"…","counters":{…},"histograms":{…},"problem":null}]}`; of a node that does
 * not answer, counters and histograms are null and `problem` is the code.
 */
export async function showStats(context: CommandContext): Promise<void> {
  const { output, signal } = context;
  await withClient(context, async ({ admin }) => {
    const { nodes } = await admin.describe({ signal, deadlineMs: REQUEST_MS_MAX });
    const all: NodeStats[] = await Promise.all(
      nodes.map(async ({ id, address }) => {
        try {
          const { counters, histograms } = await admin.stats(id, { signal, deadlineMs: NODE_MS_MAX });
          return { node: id, address, counters, histograms, problem: null };
        } catch (error) {
          signal.throwIfAborted();
          if (!VireoError.is(error)) throw error;
          return { node: id, address, counters: null, histograms: null, problem: error.code };
        }
      }),
    );
    if (output.json) await output.jsonLine({ nodes: all });
    else await output.line(renderStats(all, output.width));
  });
}
