import {
  type Checksum,
  type Checksums,
  decodePayload,
  type Frame,
  FrameKind,
  isChecksum,
} from '@vireo/protocol';
import type { NodeId } from '@vireo/vsr';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import {
  type Founder,
  type FoundingRecord,
  isObject,
  makeFoundingRecord,
  parseFoundingRecord,
} from './founding-record.ts';
import type { EventLog, FailReason, NodeAddress } from './world.ts';

/** How often an unfounded node asks again, and says what it waits for. Milliseconds. */
const ASK_MS = 500;

interface FoundingOptions {
  readonly node: NodeId;
  readonly incarnation: Checksum;
  readonly name: string;
  /** All founders, in the order of the configuration: the first one makes the record. */
  readonly nodes: readonly NodeAddress[];
  readonly tickMs: number;
  readonly checksums: Checksums;
  readonly connections: Connections;
  readonly log: EventLog;
  /** Ready protocol connections to other nodes. */
  peers(): readonly Connection[];
  /** Makes the record durable, then calls back; failures are the caller's. */
  store(record: FoundingRecord, done: () => void): void;
  /** The record is durable here: the metadata group exists. */
  founded(record: FoundingRecord): void;
  fail(reason: FailReason): void;
}

/**
 * How a cluster begins (design: founding). The first founder alone makes the record that binds every node id to
 * the incarnation of one data directory, and only after all others have answered that they are unfounded: so
 * there is never a second record for the same founders. It is durable there before it is sent, and durable at
 * each other node before that node takes part in anything.
 */
export class Founding {
  readonly #options: FoundingOptions;
  readonly #askTicks: number;
  #record: FoundingRecord | null;
  /** A record is being made durable: from now on this node is not "unfounded" any more. */
  #storing = false;
  /** At the first founder: who answered "unfounded", with which incarnation. */
  readonly #unfounded = new Map<NodeId, Checksum>();
  #tick = 0;

  constructor(options: FoundingOptions, record: FoundingRecord | null) {
    this.#options = options;
    this.#record = record;
    this.#askTicks = Math.ceil(ASK_MS / options.tickMs);
  }

  get record(): FoundingRecord | null {
    return this.#record;
  }

  /** A protocol connection to another node is ready. */
  peerReady(connection: Connection): void {
    if (this.#record === null) this.#ask(connection);
  }

  /** Tells a node that is not who the record says what the record says: it will refuse itself for good. */
  tellStranger(connection: Connection): void {
    if (this.#record === null) return;
    const record = this.#record.text;
    this.#options.connections.sendControl(connection, FrameKind.found, 0, 0, { type: 'record', record });
  }

  /** The connection closed: its node may come back with another data directory. */
  peerGone(connection: Connection): void {
    if (connection.peer !== null) this.#unfounded.delete(connection.peer.node);
  }

  tick(): void {
    if (this.#record !== null || this.#storing) return;
    if (this.#tick++ % this.#askTicks !== 0) return;
    if (this.#first() && this.#tryToFound()) return;
    const missing = this.#others().filter((node) => !this.#unfounded.has(node.id));
    this.#options.log.event('info', 'founding.waiting', {
      node: this.#options.node,
      waitingFor: this.#first() ? missing.map((node) => node.id) : [this.#options.nodes[0]?.id],
    });
    for (const connection of this.#options.peers()) this.#ask(connection);
  }

  /** A `found` or `foundReply` frame. */
  frame(connection: Connection, frame: Frame): void {
    const message = decodePayload(frame.payload.subarray(0, frame.covered));
    if (!message.ok || !isObject(message.value) || connection.peer === null) {
      this.#options.connections.reject(connection, 'invalidRequest', 'a founding frame is malformed');
      return;
    }
    const { value } = message;
    if (frame.kind === FrameKind.found && value.type === 'ask') this.#answer(connection, value);
    else if (typeof value.record === 'string') this.#adopt(connection, value.record);
    else if (frame.kind === FrameKind.foundReply && value.type === 'unfounded')
      this.#heard(connection, value);
  }

  #ask(connection: Connection): void {
    const { connections, name, nodes } = this.#options;
    connections.sendControl(connection, FrameKind.found, 0, 0, {
      type: 'ask',
      name,
      founders: nodes.map((node) => node.id),
    });
  }

  #answer(connection: Connection, ask: Record<string, unknown>): void {
    const { connections, incarnation, log, name, nodes } = this.#options;
    if (this.#record !== null) {
      connections.sendControl(connection, FrameKind.foundReply, 0, 0, {
        type: 'founded',
        record: this.#record.text,
      });
      return;
    }
    if (this.#storing) return;
    const same =
      Array.isArray(ask.founders) &&
      ask.founders.length === nodes.length &&
      nodes.every((node, i) => (ask.founders as unknown[])[i] === node.id);
    if (ask.name !== name || !same) {
      // Two orders of founders could make two records: such a cluster is never founded.
      log.event('error', 'founding.refused', {
        peer: connection.peer?.node,
        message: 'the other node is configured with another cluster name or other founders',
      });
      return;
    }
    connections.sendControl(connection, FrameKind.foundReply, 0, 0, { type: 'unfounded', incarnation });
  }

  #heard(connection: Connection, reply: Record<string, unknown>): void {
    const peer = connection.peer;
    if (peer === null || !this.#first() || this.#record !== null || this.#storing) return;
    if (!isChecksum(reply.incarnation) || reply.incarnation !== peer.incarnation) return;
    this.#unfounded.set(peer.node, reply.incarnation);
    this.#tryToFound();
  }

  /** At the first founder: makes the record once all others have answered. */
  #tryToFound(): boolean {
    const { checksums, incarnation, name, node, nodes } = this.#options;
    const founders: Founder[] = [];
    for (const { id, address, host } of nodes) {
      const known = id === node ? incarnation : this.#unfounded.get(id);
      if (known === undefined) return false;
      founders.push({ id, incarnation: known, address, host });
    }
    this.#store(makeFoundingRecord(name, founders, checksums));
    return true;
  }

  #adopt(connection: Connection, text: string): void {
    const { checksums, incarnation, log, name, node } = this.#options;
    const record = parseFoundingRecord(text, checksums);
    if (record === null) {
      this.#options.connections.reject(connection, 'invalidRequest', 'the founding record is malformed');
      return;
    }
    if (this.#record !== null) {
      if (this.#record.cluster === record.cluster) return;
      this.#options.connections.reject(connection, 'clusterMismatch', 'the founding records differ');
      return;
    }
    if (this.#storing) return;
    if (record.name !== name) {
      this.#refuse(
        'clusterMismatch',
        `the cluster of node ${connection.peer?.node} is called ${record.name}, not ${name}`,
      );
      return;
    }
    const own = record.founders.find((founder) => founder.id === node);
    if (own?.incarnation !== incarnation) {
      this.#refuse(
        'incarnationReplaced',
        own === undefined
          ? `node ${node} is not a founder of cluster ${name}`
          : `node ${node} of cluster ${name} was founded with another data directory: this one can not take its ` +
              'place. Restore the directory, or run `vireo cluster replace-node`',
      );
      return;
    }
    log.event('debug', 'founding.waiting', { adopting: record.cluster });
    this.#store(record);
  }

  #store(record: FoundingRecord): void {
    this.#storing = true;
    this.#options.store(record, () => {
      this.#storing = false;
      this.#record = record;
      this.#options.log.event('info', 'founding.completed', {
        cluster: record.cluster,
        founders: record.founders.map((founder) => founder.id),
      });
      this.#options.founded(record);
      for (const connection of this.#options.peers()) {
        this.#options.connections.sendControl(connection, FrameKind.found, 0, 0, {
          type: 'record',
          record: record.text,
        });
      }
    });
  }

  #refuse(code: FailReason['code'], message: string): void {
    this.#options.log.event('error', 'founding.refused', { code, message });
    this.#options.fail({ code, message });
  }

  #first(): boolean {
    return this.#options.nodes[0]?.id === this.#options.node;
  }

  #others(): readonly NodeAddress[] {
    return this.#options.nodes.filter((node) => node.id !== this.#options.node);
  }
}
