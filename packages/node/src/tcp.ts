import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { ConnectionId, NetworkEffects, PeerChannel } from '@vireo/broker';
import type { NodeId } from '@vireo/vsr';
import { type Address, formatAddress } from './address.ts';
import { FrameAligner } from './frame-aligner.ts';
import type { NetworkEvents } from './node-core.ts';
import { readInto, readsOf } from './read-into.ts';
import { NodeStartError, systemCode } from './start-errors.ts';
import { KEEP_ALIVE_MS, TcpConnection } from './tcp-connection.ts';

/** A peer that does not answer SYN for so long is not there; on loopback and in a data centre it is far less. Milliseconds. */
const DIAL_MS_MAX = 2_000;

/** What `TcpNetwork` is made of. */
export interface TcpNetworkOptions {
  readonly events: NetworkEvents;
  /** Where to dial a node; null when it is not known. */
  readonly addressOf: (peer: NodeId) => Address | null;
  /** A larger frame is not put together here, and refused by the core. Bytes. */
  readonly frameBytesMax: number;
  /** Connections above this are dropped by the kernel's backlog without a word; the core refuses earlier and says why. */
  readonly connectionsMax: number;
}

/** Connections by `node:net`: a listener, a dialer, and for each connection corked writes. */
export class TcpNetwork implements NetworkEffects {
  readonly #options: TcpNetworkOptions;
  readonly #server: Server;
  readonly #connections = new Map<ConnectionId, TcpConnection>();
  /** Connections that were sent something in this turn. */
  readonly #corked: TcpConnection[] = [];
  readonly #dialing = new Set<Socket>();
  #nextId: ConnectionId = 1;
  #stopped = false;
  #emptied: (() => void) | null = null;

  constructor(options: TcpNetworkOptions) {
    this.#options = options;
    this.#server = createServer(
      { noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS, pauseOnConnect: true },
      (socket) => {
        const aligner = new FrameAligner(options.frameBytesMax);
        const aligned = readInto(socket, readsOf(aligner));
        options.events.accepted(this.#add(socket, aligned ? aligner : null));
      },
    );
    this.#server.maxConnections = options.connectionsMax;
  }

  /**
   * Listens. Connections are accepted from the next event-loop turn on.
   * @returns the address with the port that the system chose when 0 was asked for.
   * @throws NodeStartError addressInUse, addressUnavailable
   */
  listen(address: Address): Promise<Address> {
    return new Promise((resolve, reject) => {
      const refused = (error: Error) => {
        const text = formatAddress(address);
        if (systemCode(error) === 'EADDRINUSE') {
          reject(
            new NodeStartError('addressInUse', `${text} is taken: another process listens there`, error),
          );
        } else {
          reject(
            new NodeStartError('addressUnavailable', `can not listen on ${text}: ${error.message}`, error),
          );
        }
      };
      this.#server.once('error', refused);
      this.#server.listen({ host: address.host, port: address.port }, () => {
        this.#server.off('error', refused);
        // What can fail from here on is one accept (no descriptors left): the listener goes on.
        this.#server.on('error', () => {});
        resolve({ host: address.host, port: (this.#server.address() as AddressInfo).port });
      });
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Bytes handed over for all connections that have not left the process. */
  get unsentBytes(): number {
    let bytes = 0;
    for (const connection of this.#connections.values()) bytes += connection.unsentBytes;
    return bytes;
  }

  dial(peer: NodeId, channel: PeerChannel): void {
    if (this.#stopped) return;
    const { events } = this.#options;
    const address = this.#options.addressOf(peer);
    if (address === null) {
      // Not from within the call: the core is in the middle of a step.
      setImmediate(() => events.dialFailed(peer, channel, false));
      return;
    }
    const aligner = new FrameAligner(this.#options.frameBytesMax);
    const socket = connect({
      host: address.host,
      port: address.port,
      onread: readsOf(aligner),
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
    });
    this.#dialing.add(socket);
    let code: string | null = null;
    const failed = () => {
      clearTimeout(timer);
      this.#dialing.delete(socket);
      // Refused: the machine is there and nobody listens, so the process has ended.
      if (!this.#stopped) events.dialFailed(peer, channel, code === 'ECONNREFUSED');
    };
    const timer = setTimeout(() => socket.destroy(), DIAL_MS_MAX);
    const noted = (error: Error) => {
      code = systemCode(error);
    };
    socket.on('error', noted);
    socket.on('close', failed);
    socket.once('connect', () => {
      // A dial to a free port of this machine can meet itself: TCP's simultaneous open.
      if (socket.localPort === socket.remotePort && socket.localAddress === socket.remoteAddress) {
        code = 'ECONNREFUSED';
        socket.destroy();
        return;
      }
      clearTimeout(timer);
      this.#dialing.delete(socket);
      socket.off('close', failed);
      socket.off('error', noted);
      events.dialed(this.#add(socket, aligner), peer, channel);
    });
  }

  send(id: ConnectionId, buffers: readonly Buffer[]): void {
    const connection = this.#connections.get(id);
    if (connection?.send(buffers)) this.#corked.push(connection);
  }

  pause(id: ConnectionId): void {
    this.#connections.get(id)?.pause();
  }

  resume(id: ConnectionId): void {
    this.#connections.get(id)?.resume();
  }

  close(id: ConnectionId): void {
    this.#connections.get(id)?.close();
  }

  /** End of a turn: each connection's writes of the turn leave as one. */
  flush(): void {
    const corked = this.#corked;
    // `flush` of a connection may report to the core, which may send again: that belongs to the next turn.
    const count = corked.length;
    for (let index = 0; index < count; index++) corked[index]?.flush();
    corked.splice(0, count);
  }

  /** Stops listening and dialing; sends what is queued, then closes everything, within `graceMs`. */
  stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    for (const socket of this.#dialing) socket.destroy();
    this.#server.close();
    this.flush();
    return new Promise((resolve) => {
      if (this.#connections.size === 0) return resolve();
      const timer = setTimeout(() => {
        for (const connection of this.#connections.values()) connection.destroy();
      }, graceMs);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
      for (const connection of this.#connections.values()) connection.close();
    });
  }

  #add(socket: Socket, aligner: FrameAligner | null): ConnectionId {
    const id = this.#nextId++;
    this.#connections.set(
      id,
      new TcpConnection(
        id,
        socket,
        this.#options.events,
        (connection) => {
          this.#connections.delete(connection.id);
          if (this.#connections.size === 0) this.#emptied?.();
        },
        aligner,
      ),
    );
    return id;
  }
}
