import type { Disk, DiskErrorCode } from '@vireo/storage';
import { type DiskOperation, MemoryDisk, plainChecksums, SeededRandom } from '@vireo/storage/testing';
import type { NodeId, Random } from '@vireo/vsr';
import { Broker } from '../broker.ts';
import type { EventName } from '../event-names.ts';
import { encodeNodeFile, NODE_FILE } from '../node-state.ts';
import type { BrokerConfig, ConnectionId, FailReason, NetworkEffects, PeerChannel } from '../world.ts';

/** One end of a connection. */
export interface Endpoint {
  readonly id: ConnectionId;
  /** Where its events go: a node of the cluster, or a test that plays a client. */
  readonly owner: NodeId | Receiver;
  other: Endpoint | null;
  open: boolean;
  paused: boolean;
  readonly inbox: Buffer[];
  /** The other end was closed: told once the inbox is empty. */
  ended: boolean;
}

/** A client, as the network sees it. */
export interface Receiver {
  received(chunk: Buffer): void;
  closed(): void;
}

/** A log line. */
export interface LoggedEvent {
  readonly node: NodeId;
  readonly level: string;
  readonly name: EventName;
  readonly fields: Record<string, unknown>;
}

interface Host {
  readonly id: NodeId;
  readonly disk: MemoryDisk;
  broker: Broker | null;
  failed: FailReason | null;
}

const TICK_MS = 10;

/** A cluster of brokers in one process: a network without loss that delivers in order, disks in memory, one clock. */
export class Loopback {
  readonly hosts = new Map<NodeId, Host>();
  readonly events: LoggedEvent[] = [];
  readonly endpoints = new Map<ConnectionId, Endpoint>();
  /** Asked for every call on a disk: an error code makes the call fail. */
  fault: (node: NodeId, operation: DiskOperation) => DiskErrorCode | null = () => null;
  /** Calls on a disk that stay in flight as long as it says so: a disk that does not get on with them. */
  held: (node: NodeId, operation: DiskOperation) => boolean = () => false;
  /** Nodes between which nothing arrives, as long as it says so: what is under way comes later. */
  cut: (from: NodeId, to: NodeId) => boolean = () => false;
  /** Nodes that stand still: no tick, nothing arrives. */
  readonly paused = new Set<NodeId>();
  readonly #config: Omit<BrokerConfig, 'node'>;
  readonly #dials: (() => void)[] = [];
  /** Settings of single nodes that differ. */
  readonly overrides = new Map<NodeId, Partial<BrokerConfig>>();
  #nextConnection = 1;
  #nowMs = 1_000;

  constructor(config: Omit<BrokerConfig, 'node'>) {
    this.#config = config;
    for (const { id } of config.nodes) {
      this.#plug(id);
      this.format(id, id.toString(16).padStart(2, '0').repeat(16));
    }
  }

  /** Writes `node.json`, as `vireo node format` does. */
  format(id: NodeId, incarnation: string): void {
    const { disk } = this.#host(id);
    const bytes = encodeNodeFile(
      { cluster: this.#config.cluster, node: id, incarnation },
      this.#config.nodes,
    );
    disk.create(NODE_FILE, bytes.length, () => {});
    disk.write(NODE_FILE, 0, [bytes], true, () => {});
    disk.pump();
  }

  /** Loses everything that the node has on disk. */
  wipe(id: NodeId): void {
    this.#plug(id);
  }

  start(id: NodeId): Broker {
    const host = this.#host(id);
    const broker = this.#makeBroker(host);
    broker.open();
    host.broker = broker;
    host.failed = null;
    broker.start(() => {});
    return broker;
  }

  startAll(): void {
    for (const id of this.hosts.keys()) this.start(id);
  }

  /** Ends the process, or with `power` the machine: connections break, what was not durable is gone. */
  kill(id: NodeId, power = true): void {
    const host = this.#host(id);
    host.broker = null;
    host.disk.crash({ processOnly: !power });
    for (const endpoint of [...this.endpoints.values()]) {
      if (endpoint.owner !== id) continue;
      endpoint.inbox.length = 0;
      this.#close(endpoint);
    }
  }

  broker(id: NodeId): Broker {
    const { broker } = this.#host(id);
    if (broker === null) throw new Error(`node ${id} is down`);
    return broker;
  }

  /** Connects a client to a node; null when nobody listens. */
  connect(to: NodeId, receiver: Receiver): Endpoint | null {
    const { broker } = this.#host(to);
    if (broker === null) return null;
    const [near, far] = this.#pair(receiver, to);
    broker.accepted(far.id);
    return near;
  }

  send(from: Endpoint, bytes: Buffer): void {
    // Copied: what a node receives is its own to write into.
    if (from.open && from.other?.open) from.other.inbox.push(Buffer.from(bytes));
  }

  close(endpoint: Endpoint): void {
    this.#close(endpoint);
  }

  /** Lets time pass; between two ticks everything that can happen does. */
  run(ticks: number, until: () => boolean = () => false): boolean {
    for (let i = 0; i < ticks; i++) {
      if (until()) return true;
      this.#nowMs += TICK_MS;
      for (const { id, broker } of this.hosts.values()) if (!this.paused.has(id)) broker?.tick();
      this.quiet();
    }
    return until();
  }

  /** Delivers and completes until nothing is under way. */
  quiet(): void {
    for (let round = 0; round < 1_000; round++) {
      let moved = this.#dials.length > 0;
      for (const dial of this.#dials.splice(0)) dial();
      for (const endpoint of [...this.endpoints.values()]) if (this.#deliver(endpoint)) moved = true;
      for (const { id, disk } of this.hosts.values()) if (this.#complete(id, disk, 64)) moved = true;
      for (const { id, broker } of this.hosts.values()) if (!this.paused.has(id)) broker?.settle();
      if (!moved) return;
    }
    throw new Error('the cluster does not come to rest');
  }

  /** Does some of what could happen, in an order that `below` draws; much stays under way. */
  jumble(steps: number, below: (bound: number) => number): void {
    const hosts = [...this.hosts.values()];
    for (let step = 0; step < steps; step++) {
      const host = hosts[below(hosts.length)]!;
      const action = below(8);
      if (action < 3) {
        const endpoints = [...this.endpoints.values()];
        if (endpoints.length > 0) this.#deliver(endpoints[below(endpoints.length)]!);
      } else if (action < 5) host.disk.pump(1 + below(3));
      else if (action < 7) host.broker?.settle();
      else for (const dial of this.#dials.splice(0)) dial();
    }
  }

  /** One tick of the clock and of every node, nothing else. */
  tick(): void {
    this.#nowMs += TICK_MS;
    for (const { broker } of this.hosts.values()) broker?.tick();
  }

  /** Completes up to `count` calls of a disk that are not held; whether there was one. */
  #complete(id: NodeId, disk: MemoryDisk, count: number): boolean {
    for (let done = 0; done < count; done++) {
      const next = disk.inFlight.find((operation) => !this.held(id, operation));
      if (next === undefined) return done > 0;
      disk.complete(next.id);
    }
    return true;
  }

  #plug(id: NodeId): void {
    const disk = new MemoryDisk({ traceMax: 0, fault: (operation) => this.fault(id, operation) });
    this.hosts.set(id, { id, disk, broker: null, failed: null });
  }

  #makeBroker(host: Host): Broker {
    const { id } = host;
    const stillRuns = () => host.broker === broker || host.broker === null;
    const config = { ...this.#config, node: id, ...this.overrides.get(id) };
    const broker: Broker = new Broker(config, {
      disk: host.disk as Disk,
      clock: { monotonicMs: () => this.#nowMs, wallMicros: () => (1_700_000_000_000 + this.#nowMs) * 1_000 },
      random: forkable(id * 7_919 + this.#nowMs),
      checksums: plainChecksums,
      crypto: fakeCrypto(id),
      network: this.#network(id),
      log: { event: (level, name, fields) => this.events.push({ node: id, level, name, fields }) },
      fail: (reason) => {
        if (stillRuns()) host.failed = reason;
      },
    });
    return broker;
  }

  #network(id: NodeId): NetworkEffects {
    return {
      dial: (peer, channel) => this.#dials.push(() => this.#dial(id, peer, channel)),
      send: (connection, buffers) => {
        const endpoint = this.endpoints.get(connection);
        if (endpoint?.open) for (const buffer of buffers) this.send(endpoint, buffer);
      },
      pause: (connection) => this.#setPaused(connection, true),
      resume: (connection) => this.#setPaused(connection, false),
      close: (connection) => {
        const endpoint = this.endpoints.get(connection);
        if (endpoint !== undefined) this.#close(endpoint);
      },
    };
  }

  #dial(from: NodeId, to: NodeId, channel: PeerChannel): void {
    const dialer = this.#host(from).broker;
    if (dialer === null) return;
    const listener = this.hosts.get(to)?.broker ?? null;
    if (listener === null) {
      dialer.dialFailed(to, channel, true);
      return;
    }
    const [near, far] = this.#pair(from, to);
    listener.accepted(far.id);
    dialer.dialed(near.id, to, channel);
  }

  #pair(a: Endpoint['owner'], b: Endpoint['owner']): [Endpoint, Endpoint] {
    const make = (owner: Endpoint['owner']): Endpoint => {
      const id = this.#nextConnection++;
      const endpoint = { id, owner, other: null, open: true, paused: false, inbox: [], ended: false };
      this.endpoints.set(id, endpoint);
      return endpoint;
    };
    const near = make(a);
    const far = make(b);
    near.other = far;
    far.other = near;
    return [near, far];
  }

  #deliver(endpoint: Endpoint): boolean {
    if (!endpoint.open || endpoint.paused) return false;
    const { owner } = endpoint;
    if (typeof owner === 'number' && this.paused.has(owner)) return false;
    const from = endpoint.other?.owner;
    if (typeof from === 'number' && typeof owner === 'number' && this.cut(from, owner)) return false;
    const chunk = endpoint.inbox.length === 0 ? null : Buffer.concat(endpoint.inbox.splice(0));
    if (chunk !== null) {
      if (typeof owner === 'number') this.hosts.get(owner)?.broker?.received(endpoint.id, chunk);
      else owner.received(chunk);
      return true;
    }
    if (!endpoint.ended) return false;
    endpoint.open = false;
    this.endpoints.delete(endpoint.id);
    if (typeof owner === 'number') this.hosts.get(owner)?.broker?.closed(endpoint.id);
    else owner.closed();
    return true;
  }

  #close(endpoint: Endpoint): void {
    endpoint.open = false;
    this.endpoints.delete(endpoint.id);
    if (endpoint.other !== null) endpoint.other.ended = true;
  }

  #setPaused(id: ConnectionId, paused: boolean): void {
    const endpoint = this.endpoints.get(id);
    if (endpoint !== undefined) endpoint.paused = paused;
  }

  #host(id: NodeId): Host {
    const host = this.hosts.get(id);
    if (host === undefined) throw new Error(`there is no node ${id}`);
    return host;
  }
}

function forkable(seed: number): Random {
  const random = new SeededRandom(seed);
  return {
    u32: () => random.u32(),
    below: (bound) => random.below(bound),
    fork: (label) => forkable(seed + plainChecksums.crc32(Buffer.from(label))),
  };
}

/** Not cryptography: 32 bytes that depend on key and data, and numbers that do not repeat. */
function fakeCrypto(id: NodeId) {
  let count = 0;
  return {
    hmacSha256: (key: Uint8Array, data: Uint8Array): Uint8Array => {
      const first = plainChecksums.identity(Buffer.concat([key, Buffer.from('|'), data]));
      const second = plainChecksums.identity(Buffer.concat([data, Buffer.from('|'), key]));
      return Buffer.from(first + second, 'hex');
    },
    randomBytes: (length: number): Buffer => {
      count++;
      return Buffer.from(plainChecksums.identity(Buffer.from(`${id} ${count}`)), 'hex').subarray(0, length);
    },
  };
}
