import {
  type Checksums,
  encodeFrameHead,
  FrameKind,
  type FrameKindValue,
  type Limits,
} from '@vireo/protocol';
import { encodeMessage, type Message, type NodeId, type Random } from '@vireo/vsr';
import type { Connection, PeerIdentity } from './connection.ts';
import { type Connections, HANDSHAKE_MS } from './connections.ts';
import type { Stats } from './stats.ts';
import type { EventLog, NetworkEffects, NodeAddress, PeerChannel } from './world.ts';

/** Wait before the second attempt to connect, doubled up to the maximum. Milliseconds. */
const REDIAL_MS = 50;
const REDIAL_MAX_MS = 500;
/**
 * The same while it is not known whether a lost peer's process is gone: a dying one takes connections for a moment, and
 * the groups it led wait for the answer. Milliseconds.
 */
const PROBE_MS = 10;
/** Repair goes out only while the bulk channel holds less than this. Bytes. */
const BULK_UNSENT_MAX = 8 * 1024 * 1024;
/** The same trouble with a peer is logged once in so long. Milliseconds. */
const LOG_AGAIN_MS = 10_000;

/** One channel to one peer. */
interface Link {
  readonly peer: NodeId;
  readonly channel: PeerChannel;
  connection: Connection | null;
  dialing: boolean;
  redialTick: number;
  attempt: number;
}

interface Peer {
  readonly node: NodeId;
  readonly protocol: Link;
  readonly bulk: Link;
  /** Of the data directory last seen, with its highest start counter: a lower one is a restored copy. */
  incarnation: string;
  startCounter: number;
  /** The protocol channel was ready and has closed: a refused dial now means that the process is gone. */
  lost: boolean;
  /** Tick at which something was last received. */
  heardTick: number;
  loggedTick: number;
}

interface PeersOptions {
  readonly node: NodeId;
  readonly nodes: readonly NodeAddress[];
  readonly limits: Limits;
  readonly tickMs: number;
  readonly checksums: Checksums;
  readonly random: Random;
  readonly network: NetworkEffects;
  readonly connections: Connections;
  readonly log: EventLog;
  readonly stats: Stats;
  /** The process of that node is gone or was started anew. */
  peerLost(node: NodeId): void;
}

/**
 * The channels to all other nodes. The lower node id dials the higher one. The other side dials once when the
 * protocol channel closes, only to learn whether the process is still there: a refused connection is the
 * quickest sign that it is not.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<NodeId, Peer>();
  #tick = 0;
  #stopped = false;
  /** The last message sent, encoded: a primary sends the same object to each backup in a row. */
  #message: Message | null = null;
  #messageGroup = -1;
  #buffers: readonly Buffer[] = [];
  #size = 0;

  constructor(options: PeersOptions) {
    this.#options = options;
    for (const { id } of options.nodes) {
      if (id === options.node) continue;
      this.#peers.set(id, {
        node: id,
        protocol: makeLink(id, 'protocol'),
        bulk: makeLink(id, 'bulk'),
        incarnation: '',
        startCounter: 0,
        lost: false,
        heardTick: 0,
        loggedTick: -1,
      });
    }
  }

  start(): void {
    for (const peer of this.#peers.values()) {
      if (peer.node < this.#options.node) continue;
      this.#dial(peer.protocol);
      this.#dial(peer.bulk);
    }
  }

  /** No more dials; connections are closed by the owner. */
  stop(): void {
    this.#stopped = true;
  }

  /** Null, or why this peer is refused. */
  judge(identity: PeerIdentity): string | null {
    const peer = this.#peers.get(identity.node);
    if (peer === undefined) return `node ${identity.node} is not configured here`;
    if (identity.incarnation === peer.incarnation && identity.startCounter < peer.startCounter) {
      return `node ${identity.node} runs on an older copy of its data directory`;
    }
    return null;
  }

  /**
   * A dial succeeded. Returns whether the connection is wanted; a probe's is not: it has told what it was made
   * to tell.
   */
  dialed(node: NodeId, channel: PeerChannel): boolean {
    const peer = this.#peers.get(node);
    if (peer === undefined) return false;
    const link = peer[channel];
    link.dialing = false;
    if (node < this.#options.node) {
      // A dying process takes connections until its listening socket is closed: asked again until it either
      // refuses or is connected anew.
      this.#backOff(link);
      return false;
    }
    if (this.#stopped || link.connection !== null) return false;
    // Its handshake ends in `ready` or in `gone`, which see to the next dial. Without that a stopped process, whose
    // kernel accepts for it, would get a connection each tick.
    link.redialTick = this.#tick + Math.ceil(HANDSHAKE_MS / this.#options.tickMs);
    return true;
  }

  /** A dial failed. `refused`: nobody listens there, so the process is gone. */
  dialFailed(node: NodeId, channel: PeerChannel, refused: boolean): void {
    const peer = this.#peers.get(node);
    if (peer === undefined) return;
    const link = peer[channel];
    link.dialing = false;
    this.#backOff(link);
    if (channel === 'protocol' && refused && peer.lost && link.connection === null) {
      peer.lost = false;
      this.#options.peerLost(node);
    }
  }

  /** A handshake with a peer is finished. */
  ready(connection: Connection): void {
    const { log, peerLost } = this.#options;
    const identity = connection.peer;
    const peer = identity === null ? undefined : this.#peers.get(identity.node);
    if (identity === null || peer === undefined || connection.channel === null) return;
    const link = peer[connection.channel];
    const before = link.connection;
    link.connection = connection;
    link.attempt = 0;
    peer.heardTick = this.#tick;
    // The dialer made a new one because its end of the old one is closed.
    if (before !== null && before !== connection) this.#options.connections.close(before, 'replaced');
    log.event('info', 'peer.connected', { peer: peer.node, channel: connection.channel });
    if (connection.channel === 'protocol') peer.lost = false;
    const restarted = peer.startCounter !== 0 && identity.startCounter > peer.startCounter;
    peer.startCounter = identity.startCounter;
    peer.incarnation = identity.incarnation;
    if (restarted) peerLost(peer.node);
  }

  /** A peer's connection, ready or not, is gone. */
  gone(connection: Connection): void {
    const node = connection.dialed?.peer ?? connection.peer?.node;
    const peer = node === undefined ? undefined : this.#peers.get(node);
    if (peer === undefined || connection.channel === null) return;
    const link = peer[connection.channel];
    if (link.connection !== connection) {
      // A handshake that failed, or a connection that was replaced.
      if (connection.dialed !== null && link.connection === null) this.#backOff(link);
      return;
    }
    link.connection = null;
    this.#options.log.event('info', 'peer.disconnected', { peer: peer.node, channel: connection.channel });
    if (this.#stopped) return;
    if (connection.channel === 'protocol') peer.lost = true;
    // At once: success or refusal tells a lost connection from a lost process.
    if (peer.node > this.#options.node || connection.channel === 'protocol') this.#dial(link);
  }

  tick(): void {
    const tick = ++this.#tick;
    if (this.#stopped) return;
    for (const peer of this.#peers.values()) {
      if (peer.node < this.#options.node) {
        const { protocol } = peer;
        if (peer.lost && protocol.connection === null && tick >= protocol.redialTick) this.#dial(protocol);
        continue;
      }
      if (peer.protocol.connection === null && tick >= peer.protocol.redialTick) this.#dial(peer.protocol);
      if (peer.bulk.connection === null && tick >= peer.bulk.redialTick) this.#dial(peer.bulk);
    }
  }

  /** Something came from that node. */
  heard(node: NodeId): void {
    const peer = this.#peers.get(node);
    if (peer !== undefined) peer.heardTick = this.#tick;
  }

  /** Milliseconds since something came from that node. */
  silenceMs(node: NodeId): number {
    const peer = this.#peers.get(node);
    return peer === undefined ? 0 : (this.#tick - peer.heardTick) * this.#options.tickMs;
  }

  /** Whether the last line in the log about trouble with this peer is old enough for another one. */
  worthLogging(node: NodeId | null): boolean {
    const peer = node === null ? undefined : this.#peers.get(node);
    if (peer === undefined) return true;
    const again = Math.ceil(LOG_AGAIN_MS / this.#options.tickMs);
    if (peer.loggedTick >= 0 && this.#tick - peer.loggedTick < again) return false;
    peer.loggedTick = this.#tick;
    return true;
  }

  /** Ready protocol connections. */
  connections(): readonly Connection[] {
    const all: Connection[] = [];
    for (const peer of this.#peers.values())
      if (peer.protocol.connection !== null) all.push(peer.protocol.connection);
    return all;
  }

  connectionOf(node: NodeId): Connection | null {
    return this.#peers.get(node)?.protocol.connection ?? null;
  }

  /** Sends one message of one group. Without a connection, or over the peer's bound, it is dropped: VR repairs. */
  send(group: number, to: NodeId, message: Message): void {
    const { limits, network, stats } = this.#options;
    const peer = this.#peers.get(to);
    if (peer === undefined) return;
    const repair = message.type === 'repair';
    const connection = (repair ? peer.bulk.connection : null) ?? peer.protocol.connection;
    if (connection === null) {
      stats.peerFramesDropped++;
      return;
    }
    const bound = repair ? BULK_UNSENT_MAX : limits.peerBytesUnackedMax;
    if (connection.unsentBytes > bound) {
      stats.peerFramesDropped++;
      if (this.worthLogging(to)) {
        this.#options.log.event('warn', 'peer.overloaded', { peer: to, unsentBytes: connection.unsentBytes });
      }
      return;
    }
    if (this.#message !== message || this.#messageGroup !== group) this.#encode(group, message);
    this.#options.connections.handed(connection, this.#size);
    network.send(connection.id, this.#buffers);
    stats.peerFramesSent++;
    stats.peerBytesSent += this.#size;
  }

  /**
   * Sends one frame of bulk traffic on the channel for it. Without a connection, or over its bound, it is dropped: whoever
   * waits asks again.
   */
  sendBulk(group: number, to: NodeId, kind: FrameKindValue, covered: Buffer, body: Buffer | null): void {
    const { connections, stats } = this.#options;
    const peer = this.#peers.get(to);
    const connection = peer?.bulk.connection ?? peer?.protocol.connection ?? null;
    if (connection === null || connection.unsentBytes > BULK_UNSENT_MAX) {
      stats.peerFramesDropped++;
      return;
    }
    connections.send(connection, kind, 0, group, covered, body === null ? null : [body]);
    stats.peerFramesSent++;
    stats.peerBytesSent += covered.length + (body?.length ?? 0);
  }

  /** End of a turn: message objects may be gone afterwards, their buffers must not be kept alive by us. */
  settle(): void {
    this.#message = null;
    this.#buffers = [];
  }

  #encode(group: number, message: Message): void {
    const { checksums } = this.#options;
    const { covered, bodies } = encodeMessage(message);
    let bodySize = 0;
    for (const body of bodies) bodySize += body.length;
    const head = encodeFrameHead(FrameKind.replica, 0, group, covered, bodySize, checksums);
    this.#buffers = bodies.length === 0 ? [head] : [head, ...bodies];
    this.#size = head.length + bodySize;
    this.#message = message;
    this.#messageGroup = group;
  }

  #dial(link: Link): void {
    if (link.dialing || this.#stopped) return;
    link.dialing = true;
    this.#options.network.dial(link.peer, link.channel);
  }

  #backOff(link: Link): void {
    const { random, tickMs } = this.#options;
    const probing = link.channel === 'protocol' && this.#peers.get(link.peer)?.lost === true;
    const first = probing ? PROBE_MS : REDIAL_MS;
    const wait = Math.min(REDIAL_MAX_MS, first * 2 ** Math.min(link.attempt++, 8));
    // Half of the wait is drawn, so that restarted nodes do not meet in step.
    const ticks = Math.max(2, Math.ceil(wait / tickMs));
    link.redialTick = this.#tick + Math.ceil(ticks / 2) + random.below(Math.ceil(ticks / 2));
  }
}

function makeLink(peer: NodeId, channel: PeerChannel): Link {
  return { peer, channel, connection: null, dialing: false, redialTick: 0, attempt: 0 };
}
