import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigError } from './config.ts';

/** An answer of the health endpoint. */
interface HealthAnswer {
  readonly status: 200 | 503;
  readonly type: string;
  readonly text: string;
}

/** What is asked of the node: by path, each answered anew for every request. */
type HealthRoutes = Readonly<Record<string, () => HealthAnswer | Promise<HealthAnswer>>>;

/** Probes and scrapers are few; anything more is a mistake. */
const CONNECTIONS_MAX = 64;
const REQUEST_MS_MAX = 5_000;

/** `/livez`, `/readyz` and `/metrics` by `node:http`, on loopback only: they say more than strangers need. */
export class HealthServer {
  readonly #server: Server;

  constructor(routes: HealthRoutes) {
    this.#server = createServer(
      { requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX },
      (request, response) => {
        const path = (request.url ?? '').split('?')[0] ?? '';
        const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
        const answer = (status: number, type: string, text: string) => {
          response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
          response.end(request.method === 'HEAD' ? undefined : text);
        };
        // Bodies are not read: a probe has none.
        request.resume();
        if (route === undefined)
          return answer(404, 'text/plain', `no ${path} here: ${Object.keys(routes).join(', ')}\n`);
        if (request.method !== 'GET' && request.method !== 'HEAD')
          return answer(405, 'text/plain', 'GET only\n');
        Promise.resolve()
          .then(route)
          .then(
            ({ status, type, text }) => answer(status, type, text),
            (error: unknown) =>
              answer(500, 'text/plain', `${error instanceof Error ? error.message : error}\n`),
          );
      },
    );
    this.#server.maxConnections = CONNECTIONS_MAX;
  }

  /**
   * Listens on 127.0.0.1.
   * @returns the port, which the system chose when 0 was asked for.
   * @throws ConfigError when the port can not be had: a setting that is not honoured refuses the start.
   */
  listen(port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const refused = (error: Error) =>
        reject(
          new ConfigError(
            `healthPort: can not listen on 127.0.0.1:${port} for /livez, /readyz and /metrics: ${error.message}; set another by --health-port`,
          ),
        );
      this.#server.once('error', refused);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', refused);
        this.#server.on('error', () => {});
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
