import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

interface Link {
  readonly near: Socket;
  readonly far: Socket;
}

/** What a proxy does to the bytes of one direction. */
export interface Fault {
  /** Every chunk waits so long, ms. */
  delayMs: number;
  /** Bytes vanish, the connection stays open: a partition in one direction. */
  drop: boolean;
}

/**
 * Stands between two TCP ends and does to them what networks do. `forward` is what the dialing side sends,
 * `backward` the answer.
 */
export class TcpProxy {
  readonly forward: Fault = { delayMs: 0, drop: false };
  readonly backward: Fault = { delayMs: 0, drop: false };
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #links = new Set<Link>();
  #refusing = false;

  private constructor(server: Server, target: string) {
    this.#server = server;
    const colon = target.lastIndexOf(':');
    this.#target = { host: target.slice(0, colon), port: Number(target.slice(colon + 1)) };
    server.on('connection', (near) => this.#accept(near));
  }

  static async start(target: string): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new TcpProxy(server, target);
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Both directions vanish; connections stay open. */
  partition(): void {
    this.forward.drop = true;
    this.backward.drop = true;
  }

  /** Undoes every fault. Bytes that vanished stay lost, so the connections they are missing from are reset. */
  heal(): void {
    const lossy = this.forward.drop || this.backward.drop;
    for (const fault of [this.forward, this.backward]) {
      fault.delayMs = 0;
      fault.drop = false;
    }
    this.#refusing = false;
    if (lossy) this.reset();
  }

  /** Ends all connections with a reset. */
  reset(): void {
    for (const { near, far } of this.#links) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  /** Closes one direction of every connection, as a peer that has nothing more to say does. */
  halfClose(): void {
    for (const { far } of this.#links) far.end();
  }

  /** Ends all connections and takes no new ones. */
  refuse(): void {
    this.#refusing = true;
    this.reset();
  }

  async stop(): Promise<void> {
    this.reset();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(near: Socket): void {
    if (this.#refusing) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ ...this.#target, allowHalfOpen: true });
    near.allowHalfOpen = true;
    const link = { near, far };
    this.#links.add(link);
    const over = () => {
      this.#links.delete(link);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', over);
      socket.on('close', over);
    }
    pipe(near, far, this.forward);
    pipe(far, near, this.backward);
  }
}

function pipe(from: Socket, to: Socket, fault: Fault): void {
  from.on('data', (chunk: Buffer) => {
    if (fault.drop) return;
    const send = () => {
      if (!to.destroyed && !to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
    };
    if (fault.delayMs === 0) send();
    else setTimeout(send, fault.delayMs);
  });
  from.on('end', () => to.end());
}
