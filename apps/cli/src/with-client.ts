import type { Client } from '@vireo/client';
import type { CommandContext } from './context.ts';

/** Long enough for a node that is being restarted; whoever mistyped an address does not wait longer, ms. */
const CONNECT_MS_MAX = 3_000;
/** For a request about streams and topics, retries included, ms. */
export const REQUEST_MS_MAX = 30_000;
/** For what only one node can say, ms: a node that is down must not hold up the others' answers. */
export const NODE_MS_MAX = 3_000;

/** Connects, runs `action`, closes. The SDK is loaded here, and only by commands that need a server. */
export async function withClient<T>(
  context: CommandContext,
  action: (client: Client) => Promise<T>,
): Promise<T> {
  const { connect } = await import('@vireo/client');
  const { servers, signal } = context;
  const client = await connect(servers, { signal, deadlineMs: CONNECT_MS_MAX });
  try {
    return await action(client);
  } finally {
    await client.close();
  }
}
