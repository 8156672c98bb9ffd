import { createServer } from 'node:net';
import { CommandError } from '../errors.ts';
import type { DevNode } from './layout.ts';

/**
 * Looks whether each node could listen at its address, so that one taken port is told in one clear line before
 * any process is started. Somebody may still take a port in the meantime; the node then says so itself.
 *
 * @throws CommandError `addressInUse`, `addressUnavailable`
 */
export async function checkPorts(nodes: readonly DevNode[]): Promise<void> {
  for (const { id, address } of nodes) {
    const code = await tryToListen(address);
    if (code === null) continue;
    if (code === 'EADDRINUSE') {
      throw new CommandError(
        'addressInUse',
        `${address} is in use: node ${id} cannot listen there`,
        'is this cluster running already? A new one takes other ports with --port',
      );
    }
    throw new CommandError('addressUnavailable', `node ${id} cannot listen at ${address}: ${code}`);
  }
}

/** The system's code of the error, or null. */
function tryToListen(address: string): Promise<string | null> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port: Number(address.slice(colon + 1)), exclusive: true }, () => {
      server.close(() => resolve(null));
    });
  });
}
