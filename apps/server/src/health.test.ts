import { createServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { HealthServer } from './health.ts';

const servers: HealthServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function start(ready: () => boolean = () => true): Promise<string> {
  const server = new HealthServer({
    '/readyz': () => ({ status: ready() ? 200 : 503, type: 'text/plain', text: 'answer\n' }),
    '/broken': () => {
      throw new Error('no numbers');
    },
  });
  servers.push(server);
  return `http://127.0.0.1:${await server.listen(0)}`;
}

describe('health endpoint', () => {
  test('answers anew for each request', async () => {
    let ready = false;
    const base = await start(() => ready);
    expect((await fetch(`${base}/readyz`)).status).toBe(503);
    ready = true;
    const answer = await fetch(`${base}/readyz?verbose`);
    expect([answer.status, await answer.text()]).toEqual([200, 'answer\n']);
  });

  test('other paths are 404 and name those that exist, other methods 405, a route that fails 500', async () => {
    const base = await start();
    const missing = await fetch(`${base}/toString`);
    expect([missing.status, await missing.text()]).toEqual([404, 'no /toString here: /readyz, /broken\n']);
    expect((await fetch(`${base}/readyz`, { method: 'POST', body: 'x' })).status).toBe(405);
    const broken = await fetch(`${base}/broken`);
    expect([broken.status, await broken.text()]).toEqual([500, 'no numbers\n']);
    expect(await (await fetch(`${base}/readyz`, { method: 'HEAD' })).text()).toBe('');
  });

  test('a port that is taken names the setting', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) =>
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port)),
    );
    const server = new HealthServer({});
    await expect(server.listen(port)).rejects.toMatchObject({
      code: 'invalidConfig',
      message: expect.stringMatching(new RegExp(`healthPort: .*${port}.*--health-port`)),
    });
    await new Promise((resolve) => other.close(resolve));
  });
});
