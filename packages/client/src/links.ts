import { VireoError } from '@vireo/protocol';
import { type Address, formatAddress } from './addresses.ts';
import { Connection } from './connection.ts';
import { type ConnectionOptions, NOT_FOUNDED } from './connection-options.ts';
import type { Routing } from './routing.ts';

/** Data connections: one per node, dialed when first needed, shared by producers and consumers. */
export class Links {
  readonly #routing: Routing;
  readonly #options: Omit<ConnectionOptions, 'channel' | 'cluster' | 'closing'>;
  readonly #open = new Map<number, Connection>();
  readonly #dialing = new Map<number, Promise<Connection>>();
  readonly #closing = new AbortController();
  /** Known from the first welcome; later ones must agree. */
  #cluster: string | null = null;

  constructor(routing: Routing, options: Omit<ConnectionOptions, 'channel' | 'cluster' | 'closing'>) {
    this.#routing = routing;
    this.#options = options;
  }

  get cluster(): string | null {
    return this.#cluster;
  }

  /** The connection to `node` if there is one now. */
  current(node: number): Connection | null {
    const connection = this.#open.get(node);
    return connection === undefined || connection.closed ? null : connection;
  }

  /** The connection to `node`, dialed if need be. Rejects with `connectFailed` and what the handshake can say. */
  data(node: number): Promise<Connection> {
    const connection = this.current(node);
    if (connection !== null) return Promise.resolve(connection);
    let dialing = this.#dialing.get(node);
    if (dialing === undefined) {
      dialing = this.#dial(node).finally(() => this.#dialing.delete(node));
      this.#dialing.set(node, dialing);
    }
    return dialing;
  }

  async #dial(node: number): Promise<Connection> {
    const address = this.#routing.address(node);
    if (address === undefined)
      throw new VireoError('connectFailed', `the address of node ${node} is not known`);
    const connection = await this.dial(address, 'data');
    if (connection.node !== node) {
      const error = new VireoError(
        'connectFailed',
        `${formatAddress(address)} is node ${connection.node}, not node ${node}`,
      );
      connection.close(error);
      throw error;
    }
    this.#open.set(node, connection);
    connection.onClose(() => {
      if (this.#open.get(node) === connection) this.#open.delete(node);
    });
    return connection;
  }

  /** Dials an address for a connection that the caller keeps. */
  async dial(address: Address, channel: 'data' | 'control'): Promise<Connection> {
    if (this.#closing.signal.aborted) throw new VireoError('closed', 'the client was closed');
    const connection = await Connection.open(address, {
      ...this.#options,
      channel,
      cluster: this.#cluster,
      closing: this.#closing.signal,
    });
    const { cluster } = connection.welcome;
    if (cluster !== NOT_FOUNDED) this.#cluster ??= cluster;
    this.#routing.sawNodes(connection.welcome.nodes);
    return connection;
  }

  /** Ends all connections and dials. */
  close(): void {
    this.#closing.abort();
    for (const connection of this.#open.values()) connection.close();
    this.#open.clear();
  }
}
