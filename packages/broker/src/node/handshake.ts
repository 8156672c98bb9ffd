import {
  type Checksum,
  decodeError,
  decodeHello,
  decodePayload,
  decodeProof,
  decodeWelcome,
  encodeHello,
  encodeProof,
  encodeWelcome,
  type Frame,
  FrameKind,
  type Hello,
  NONCE_SIZE,
  negotiate,
  PROTOCOL_MAX,
  PROTOCOL_MIN,
  ProofRole,
  type ProofRoleValue,
  peerProof,
  proofMatches,
  requestPayloadLimits,
  supportedVersions,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import type { Connection, PeerIdentity } from './connection.ts';
import type { Connections } from './connections.ts';
import { isObject } from './founding-record.ts';
import type { EventLog, NodeAddress, NodeCrypto } from './world.ts';

/** Who this node is, as it says in its handshakes. Changes once, when the node is founded. */
export interface SelfDescription {
  readonly node: NodeId;
  readonly incarnation: Checksum;
  readonly startCounter: number;
  /** Cluster id; null while unfounded, which a welcome states as zeros. */
  readonly cluster: Checksum | null;
  readonly name: string;
  readonly nodes: readonly NodeAddress[];
}

interface HandshakeOptions {
  readonly connections: Connections;
  readonly crypto: NodeCrypto;
  readonly log: EventLog;
  readonly secret: string | null;
  self(): SelfDescription;
  /** Whether this peer may be one of ours; a text says why not. */
  judgePeer(peer: PeerIdentity): string | null;
  /** A trouble with a peer that is worth a line in the log now (they repeat with every redial). */
  worthLogging(peer: NodeId | null): boolean;
  ready(connection: Connection): void;
}

/**
 * The handshake, both sides. Clients: hello, welcome. Peers: hello, welcome with the listener's proof, proof of
 * the dialer; each proof is an HMAC-SHA-256 of the cluster secret over both nonces, so that neither side learns
 * the secret and nothing recorded can be replayed. Without a secret the empty one is proved: a node that has one
 * refuses.
 */
export class Handshake {
  readonly #options: HandshakeOptions;
  readonly #secret: Buffer;

  constructor(options: HandshakeOptions) {
    this.#options = options;
    this.#secret = Buffer.from(options.secret ?? '', 'utf8');
  }

  /** This node opened the connection: it speaks first. */
  dialed(connection: Connection): void {
    const { connections } = this.#options;
    const self = this.#options.self();
    const channel = connection.dialed?.channel ?? 'protocol';
    connection.role = 'peer';
    connection.channel = channel;
    connection.nonceOwn = this.#options.crypto.randomBytes(NONCE_SIZE);
    const hello: Hello = {
      protocolMin: PROTOCOL_MIN,
      protocolMax: PROTOCOL_MAX,
      role: 'peer',
      name: self.name,
      auth: 'none',
      nonce: connection.nonceOwn,
      channel,
      cluster: self.cluster ?? undefined,
      node: self.node,
      incarnation: self.incarnation,
      startCounter: self.startCounter,
    };
    connections.send(connection, FrameKind.hello, 0, 0, encodeHello(hello));
  }

  /** A frame before the connection is ready. */
  frame(connection: Connection, frame: Frame): void {
    const payload = frame.payload.subarray(0, frame.covered);
    const { state } = connection;
    if (state === 'hello' && frame.kind === FrameKind.hello) this.#hello(connection, payload);
    else if (state === 'proof' && frame.kind === FrameKind.proof) this.#proof(connection, payload);
    else if (state === 'welcome' && frame.kind === FrameKind.welcome) this.#welcome(connection, payload);
    else if (frame.kind === FrameKind.error && connection.role === 'peer') {
      // The other side's refusal of us: told to the log, for a wrong secret or cluster does not heal by itself.
      const error = decodeError(payload);
      this.#log(
        connection,
        error.ok ? error.value.code : 'corruptPayload',
        error.ok ? error.value.message : '',
      );
      this.#options.connections.close(connection, 'refused');
    } else this.#options.connections.reject(connection, 'invalidRequest', 'the handshake is malformed');
  }

  #hello(connection: Connection, payload: Buffer): void {
    const { connections } = this.#options;
    // The versions before all else: another version may have another hello.
    const plain = decodePayload(payload, requestPayloadLimits);
    if (plain.ok && isObject(plain.value)) {
      const { protocolMin, protocolMax } = plain.value;
      if (typeof protocolMin === 'number' && typeof protocolMax === 'number') {
        const version = negotiate({ protocolMin, protocolMax });
        if (!version.ok) {
          connections.reject(connection, version.error.code, version.error.message, supportedVersions);
          return;
        }
      }
    }
    const hello = decodeHello(payload);
    if (!hello.ok) {
      connections.reject(connection, hello.error.code, hello.error.message);
      return;
    }
    const { role, cluster, nonce, channel, name } = hello.value;
    const self = this.#options.self();
    connection.role = role;
    connection.name = name;
    connection.nonceOwn = this.#options.crypto.randomBytes(NONCE_SIZE);
    connection.nonceOther = Buffer.from(nonce);
    if (cluster !== undefined && self.cluster !== null && cluster !== self.cluster) {
      if (role === 'peer') this.#log(connection, 'clusterMismatch', `a node of cluster ${cluster} connected`);
      connections.reject(connection, 'clusterMismatch', `this node belongs to cluster ${self.cluster}`);
      return;
    }
    if (channel === 'data' || channel === 'control') {
      if (self.cluster === null) {
        connections.reject(connection, 'notReady', 'the cluster is not founded yet');
        return;
      }
      connection.control = channel === 'control';
      connection.state = 'ready';
      this.#sendWelcome(connection, self, null);
      this.#options.ready(connection);
      return;
    }
    connection.channel = channel;
    if (!this.#takePeer(connection, hello.value)) return;
    connection.state = 'proof';
    this.#sendWelcome(
      connection,
      self,
      this.#proofOf(ProofRole.listener, connection.nonceOther, connection.nonceOwn),
    );
  }

  #sendWelcome(connection: Connection, self: SelfDescription, proof: Buffer | null): void {
    const welcome = encodeWelcome({
      protocol: PROTOCOL_MAX,
      cluster: self.cluster ?? ZERO_CHECKSUM,
      node: self.node,
      incarnation: self.incarnation,
      startCounter: self.startCounter,
      nonce: connection.nonceOwn,
      proof: proof ?? undefined,
      nodes: self.nodes.map(({ id, address }) => ({ id, address })),
    });
    this.#options.connections.send(connection, FrameKind.welcome, 0, 0, welcome);
  }

  #welcome(connection: Connection, payload: Buffer): void {
    const { connections } = this.#options;
    const welcome = decodeWelcome(payload);
    if (!welcome.ok) {
      connections.reject(connection, welcome.error.code, welcome.error.message);
      return;
    }
    const { nonce, proof, cluster, node } = welcome.value;
    const self = this.#options.self();
    if (cluster !== ZERO_CHECKSUM && self.cluster !== null && cluster !== self.cluster) {
      this.#log(connection, 'clusterMismatch', `node ${node} belongs to cluster ${cluster}`);
      connections.reject(connection, 'clusterMismatch', `this node belongs to cluster ${self.cluster}`);
      return;
    }
    connection.nonceOther = Buffer.from(nonce);
    const expected = this.#proofOf(ProofRole.listener, connection.nonceOwn, connection.nonceOther);
    if (proof === undefined || !proofMatches(expected, proof)) {
      this.#log(connection, 'peerRefused', 'the listener did not prove the cluster secret');
      connections.reject(connection, 'peerRefused', 'the cluster secrets differ');
      return;
    }
    if (!this.#takePeer(connection, welcome.value)) return;
    if (node !== connection.dialed?.peer) {
      this.#log(
        connection,
        'peerRefused',
        `node ${node} answers at the address of node ${connection.dialed?.peer}`,
      );
      connections.reject(connection, 'peerRefused', 'another node was expected at this address');
      return;
    }
    const answer = this.#proofOf(ProofRole.dialer, connection.nonceOwn, connection.nonceOther);
    connections.send(connection, FrameKind.proof, 0, 0, encodeProof({ proof: answer }));
    connection.state = 'ready';
    this.#options.ready(connection);
  }

  #proof(connection: Connection, payload: Buffer): void {
    const message = decodeProof(payload);
    const expected = this.#proofOf(ProofRole.dialer, connection.nonceOther, connection.nonceOwn);
    if (!message.ok || !proofMatches(expected, message.value.proof)) {
      this.#log(connection, 'peerRefused', 'the dialer did not prove the cluster secret');
      this.#options.connections.reject(connection, 'peerRefused', 'the cluster secrets differ');
      return;
    }
    connection.state = 'ready';
    this.#options.ready(connection);
  }

  /** Notes who the other node says it is, and refuses one that can not be ours. */
  #takePeer(connection: Connection, said: Pick<Hello, 'node' | 'incarnation' | 'startCounter'>): boolean {
    const { node = -1, incarnation = '', startCounter = 0 } = said;
    const peer = { node, incarnation, startCounter };
    const refusal = this.#options.judgePeer(peer);
    if (refusal !== null) {
      this.#log(connection, 'peerRefused', refusal);
      this.#options.connections.reject(connection, 'peerRefused', refusal);
      return false;
    }
    connection.peer = peer;
    return true;
  }

  #log(connection: Connection, code: string, message: string): void {
    const peer = connection.peer?.node ?? connection.dialed?.peer ?? null;
    if (!this.#options.worthLogging(peer)) return;
    this.#options.log.event('warn', 'peer.refused', { connection: connection.id, peer, code, message });
  }

  #proofOf(role: ProofRoleValue, nonceDialer: Buffer, nonceListener: Buffer): Buffer {
    return peerProof(
      (key, data) => this.#options.crypto.hmacSha256(key, data),
      this.#secret,
      role,
      nonceDialer,
      nonceListener,
    );
  }
}
