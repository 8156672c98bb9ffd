import { type ErrorCode, FrameKind } from '@vireo/protocol';
import type { NodeId, ReplicaEvent } from '@vireo/vsr';
import type { Connection } from './connection.ts';
import type { Connections } from './connections.ts';
import { Control } from './control.ts';
import type { FoundingRecord } from './founding-record.ts';
import type { HostedGroup } from './hosted-group.ts';
import { MetadataKeeper } from './metadata-keeper.ts';
import { ModeKeeper } from './mode-keeper.ts';
import { type NodeStorage, openStorage } from './node-storage.ts';
import type { Peers } from './peers.ts';
import { Produce } from './produce.ts';
import { Requests } from './requests.ts';
import type { Stats } from './stats.ts';
import { Subscriptions } from './subscriptions.ts';
import { encodeTransfer } from './transfer/transfer-message.ts';
import { Transfers } from './transfer/transfers.ts';
import { type BrokerConfig, type BrokerWorld, type FailReason, StartError } from './world.ts';

/** Time without an append after which the journal's last flush is settled. Milliseconds. */
const IDLE_MS = 1_000;
/**
 * Ops between two comparisons of states. Each costs a snapshot: some microseconds for a partition with few producers,
 * about ten milliseconds for one that remembers 10,000, once in 16,384 batches.
 */
const DIGEST_EVERY = 16_384;

interface FoundedOptions {
  readonly config: BrokerConfig;
  readonly world: BrokerWorld;
  readonly founding: FoundingRecord;
  /** Of this run. */
  readonly startCounter: number;
  /** Journal and metadata's first promise were durable once. */
  readonly opened: boolean;
  readonly connections: Connections;
  readonly peers: Peers;
  readonly stats: Stats;
  /** A graceful stop has begun. */
  stopping(): boolean;
  /** Metadata's first promise is durable: from now on its absence is a loss. Called once, if `opened` is false. */
  firstPromise(): void;
  fail(reason: FailReason): void;
}

/** What a node is once its cluster is founded: storage, replicas, and everything that serves from them. */
export class FoundedNode {
  readonly storage: NodeStorage;
  readonly requests: Requests;
  readonly produce: Produce;
  readonly control: Control;
  readonly subscriptions: Subscriptions;
  readonly transfers: Transfers;
  readonly #options: FoundedOptions;
  readonly #keeper: MetadataKeeper;
  readonly #modes: ModeKeeper;
  /** Replicas that were stepped in this turn, and those that applied ops. */
  readonly #stepped = new Set<HostedGroup>();
  readonly #applied = new Set<HostedGroup>();
  #opened: boolean;
  #idleTicks = 0;
  #appendedSeen = 0;

  /** @throws StartError */
  constructor(options: FoundedOptions) {
    this.#options = options;
    this.#opened = options.opened;
    const { config, world, connections, peers, stats, founding, fail } = options;
    const { node, limits, tickMs, timeouts = {}, checkpointBytes } = config;
    const { coldStart = 'wait', digestEvery = DIGEST_EVERY, recordCalls = true } = config;
    const { disk, clock, random, checksums, log } = world;
    const nowMs = () => clock.monotonicMs();
    this.requests = new Requests(connections);
    const { requests } = this;
    this.storage = openStorage({
      node,
      startCounter: options.startCounter,
      founding,
      opened: options.opened,
      limits,
      tickMs,
      timeouts,
      checkpointBytes,
      coldStart,
      digestEvery,
      recordCalls,
      disk,
      clock,
      random: random.fork('storage'),
      checksums,
      stats,
      log,
      context: {
        stats,
        log,
        nowMs,
        send: (group, to, message) => peers.send(group, to, message),
        reply: (id, outcome) => requests.reply(id, outcome),
        stepped: (group) => this.#stepped.add(group),
        applied: (group) => this.#applied.add(group),
        fail,
      },
      deleted: (group) => this.#groupDeleted(group),
      fail,
    });
    const { groups } = this.storage;
    const find = (id: number) => groups.find(id);
    const address = (id: NodeId) => groups.metadata.node(id)?.address ?? this.#configured(id);
    const refusing = () => this.#refusing();
    this.produce = new Produce({
      node,
      checksums,
      connections,
      requests,
      stats,
      nowMs,
      find,
      address,
      refusing,
    });
    this.subscriptions = new Subscriptions({
      node,
      limits,
      tickMs,
      checksums,
      connections,
      stats,
      log,
      find,
      address,
      refusing,
      requests,
    });
    const { checkpoints, writer } = this.storage;
    this.transfers = new Transfers({
      node,
      cluster: founding.cluster,
      settings: config.transfer ?? {},
      disk,
      checksums,
      limits,
      tickMs,
      groups,
      checkpoints,
      writer,
      stats,
      log,
      isConnected: (id) => peers.connectionOf(id) !== null,
      send: (group, to, message) => {
        const { covered, body } = encodeTransfer(message);
        peers.sendBulk(group, to, FrameKind.transfer, covered, body);
      },
      fail,
    });
    const local = { node, groups, stats, address, gauges: () => this.gauges() };
    this.control = new Control({ limits, tickMs, connections, requests, peers, local, nowMs, refusing });
    this.#modes = new ModeKeeper({ requests, groups, refusing: () => this.#refusing() !== null });
    this.#keeper = new MetadataKeeper({ founding, nodes: config.nodes, requests, groups });
  }

  /** Starts the journal: what the replicas have queued so far becomes durable. */
  start(done: () => void): void {
    this.storage.groups.start();
    this.storage.journal.start((error) => {
      if (error !== null) this.#options.fail({ code: 'diskFailed', message: error.message });
      else done();
    });
  }

  tick(): void {
    this.storage.groups.tick();
    this.control.tick();
    this.subscriptions.tick();
    this.#keeper.tick();
    this.#modes.tick();
    this.storage.memory.tick();
    this.transfers.tick();
    this.#settleTail();
  }

  /** End of a turn: derived messages, the journal's flush, what committed goes out to consumers. */
  settle(): void {
    const { groups, writer, checkpoints, journal } = this.storage;
    try {
      groups.settle();
      // A set visits what is added meanwhile: settling may create groups, which settle too.
      for (const group of this.#stepped) {
        group.settle();
        groups.settle();
        this.transfers.consider(group);
      }
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      // A replica of this node can not be built from what is on its disk: as at a start, the node does not run.
      this.#options.fail({ code: 'startFailed', message: error.message });
      return;
    }
    this.#stepped.clear();
    for (const group of this.#applied) {
      group.log.flush();
      if (group.log.failure !== null) {
        this.#options.fail({ code: 'diskFailed', message: group.log.failure.message });
        return;
      }
      if (group.id === 0) this.control.metadataChanged();
      else if (group.subscriptions.size > 0) this.subscriptions.applied(group);
    }
    this.#applied.clear();
    this.subscriptions.settle();
    const metadata = groups.get(0);
    if (!this.#opened && metadata !== undefined && metadata.replica.state.durableView >= 0) {
      this.#opened = true;
      this.#options.firstPromise();
    }
    writer.retry();
    checkpoints.settle();
    journal.flush();
  }

  /** The process of that node is gone, or was started anew. */
  peerLost(node: NodeId): void {
    const event: ReplicaEvent = { type: 'peerLost', node };
    for (const group of this.storage.groups.all()) group.step(event);
  }

  /** A connection is gone. */
  gone(connection: Connection): void {
    if (connection.role === 'peer') {
      if (connection.peer !== null && connection.channel === 'protocol')
        this.control.peerGone(connection.peer.node);
    } else this.subscriptions.gone(connection);
  }

  /** What is looked up rather than counted. */
  gauges(): Record<string, number> {
    const { groups, journal, writer } = this.storage;
    let leading = 0;
    for (const group of groups.all()) if (group.leading) leading++;
    return {
      groups: groups.size,
      groupsLeading: leading,
      connections: this.#options.connections.size,
      requestsInFlight: this.requests.size + this.control.size,
      bytesInFlight: this.#options.connections.bytesInFlight,
      subscriptions: this.subscriptions.size,
      journalQueuedBytes: journal.queuedBytes,
      journalWaiting: writer.waiting,
      journalFiles: journal.fileSequence === 0 ? 0 : journal.fileSequence - journal.oldestFile + 1,
      metadataStamp: groups.metadata.stamp,
      transfers: this.transfers.size,
      sessions: groups.metadata.sessionCount,
    };
  }

  /** Why no new work of clients is taken now, or null. */
  #refusing(): ErrorCode | null {
    if (this.#options.stopping()) return 'goingAway';
    return this.storage.writer.full ? 'overloaded' : null;
  }

  #groupDeleted(group: HostedGroup): void {
    this.subscriptions.endAll(group, 'topicDeleted');
    const reply = { ok: false, code: 'topicDeleted', message: 'the topic was deleted' };
    this.requests.endAll(group, { type: 'reply', reply });
  }

  #configured(id: NodeId): string | null {
    return this.#options.config.nodes.find((node) => node.id === id)?.address ?? null;
  }

  /** An idle node settles its last flush: damage to it is then not taken for a torn write. */
  #settleTail(): void {
    const { writer, journal } = this.storage;
    if (writer.appendedBytes !== this.#appendedSeen || journal.queuedBytes > 0) {
      this.#appendedSeen = writer.appendedBytes;
      this.#idleTicks = 0;
      return;
    }
    if (++this.#idleTicks === Math.ceil(IDLE_MS / this.#options.config.tickMs)) journal.settleTail();
  }
}
