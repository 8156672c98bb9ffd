import { createServer } from 'node:net';

/**
 * A port from which `count` ports, `step` apart, and the two behind each (gateway, health) are free now. Test
 * files run at the same time: each begins to look somewhere else.
 */
export async function freePorts(count: number, step: number): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    // Below what systems give to outgoing connections (from 32,768): such a one could take the port meanwhile.
    const base = 12_000 + Math.floor(Math.random() * 20_000);
    const wanted = Array.from({ length: count }, (_, i) => base + i * step).flatMap((port) => [
      port,
      port + 2,
    ]);
    const free = await Promise.all(wanted.map(isFree));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${count} free ports were found`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
