import { encodeRecording, type NodeId } from '@vireo/vsr';
import { checkConfig } from './check-config.ts';
import type { Connection } from './connection.ts';
import { Connections } from './connections.ts';
import { FoundedNode } from './founded-node.ts';
import { Founding } from './founding.ts';
import type { FoundingRecord } from './founding-record.ts';
import { clientFrame, type FrameTargets, peerFrame } from './frames.ts';
import { Handshake, type SelfDescription } from './handshake.ts';
import type { HostedGroup } from './hosted-group.ts';
import { type NodeIdentity, type NodeState, readIdentity, readState, StateFile } from './node-state.ts';
import { Peers } from './peers.ts';
import { Stats } from './stats.ts';
import { Stopping } from './stopping.ts';
import {
  type BrokerConfig,
  type BrokerWorld,
  type ConnectionId,
  type FailReason,
  type PeerChannel,
  type RecoveryReport,
  StartError,
} from './world.ts';

/**
 * One node of a cluster: hosts replicas, talks to clients and peers. Pure and synchronous: events come in by its
 * methods, effects leave through the world. The adapter calls `settle` once after the events of one turn of its
 * loop, and holds back what is sent (cork) until then.
 *
 * It throws only `AssertionFailed` (and `StartError` from `open`): the process then has to end.
 */
export class Broker {
  readonly #config: BrokerConfig;
  readonly #world: BrokerWorld;
  readonly #stats = new Stats();
  readonly #connections: Connections;
  readonly #peers: Peers;
  readonly #handshake: Handshake;
  #identity: NodeIdentity | null = null;
  #stateFile: StateFile | null = null;
  #founding: Founding | null = null;
  #founded: FoundedNode | null = null;
  #targets: FrameTargets | null = null;
  #stopping: Stopping | null = null;
  /** The start is durable and connections are taken. */
  #running = false;
  #failed = false;

  constructor(config: BrokerConfig, world: BrokerWorld) {
    this.#config = config;
    this.#world = world;
    const { limits, tickMs, nodes, node, secret } = config;
    const { checksums, network, log, random } = world;
    const stats = this.#stats;
    this.#connections = new Connections(
      { limits, tickMs, checksums, network, log, stats },
      {
        handshake: (connection, frame) => this.#handshake.frame(connection, frame),
        clientFrame: (connection, frame) => {
          if (this.#targets !== null && this.#founded !== null)
            clientFrame(this.#targets, this.#founded, connection, frame);
        },
        peerFrame: (connection, frame) => {
          if (this.#targets !== null) peerFrame(this.#targets, this.#founded, connection, frame);
        },
        gone: (connection) => this.#gone(connection),
      },
    );
    const connections = this.#connections;
    this.#peers = new Peers({
      node,
      nodes,
      limits,
      tickMs,
      checksums,
      random: random.fork('peers'),
      network,
      connections,
      log,
      stats,
      peerLost: (peer) => this.#founded?.peerLost(peer),
    });
    this.#handshake = new Handshake({
      connections,
      crypto: world.crypto,
      log,
      secret,
      self: () => this.#self(),
      judgePeer: (peer) => this.#peers.judge(peer),
      worthLogging: (peer) => this.#peers.worthLogging(peer),
      ready: (connection) => this.#ready(connection),
    });
  }

  // ---- Life

  /** Reads the data directory. Synchronous, writes nothing. @throws StartError */
  open(): RecoveryReport {
    const config = this.#config;
    const { disk, checksums, log } = this.#world;
    checkConfig(config);
    const identity = readIdentity(disk);
    if (identity.node !== config.node) {
      throw new StartError(
        'wrongNode',
        `the data directory belongs to node ${identity.node}, not ${config.node}`,
      );
    }
    if (identity.cluster !== config.cluster) {
      throw new StartError('clusterMismatch', `the data directory belongs to cluster ${identity.cluster}`);
    }
    const state = readState(disk, checksums);
    const founder = state.founding?.founders.find(({ id }) => id === config.node);
    if (state.founding !== null && founder?.incarnation !== identity.incarnation) {
      throw new StartError('wrongNode', `the cluster knows another data directory for node ${config.node}`);
    }
    this.#identity = identity;
    this.#stateFile = new StateFile(disk, checksums, { ...state, startCounter: state.startCounter + 1 });
    const connections = this.#connections;
    this.#founding = new Founding(
      {
        node: config.node,
        incarnation: identity.incarnation,
        name: config.cluster,
        nodes: config.nodes,
        tickMs: config.tickMs,
        checksums,
        connections,
        log,
        peers: () => this.#peers.connections(),
        store: (record, done) => this.#writeState({ founding: record }, done),
        founded: (record) => this.#becomeFounded(record),
        fail: (reason) => this.#fail(reason),
      },
      state.founding,
    );
    if (state.founding !== null) this.#founded = this.#makeFounded(state.founding, state.opened);
    const founding = this.#founding;
    this.#targets = { checksums, connections, peers: this.#peers, founding, stats: this.#stats };
    const report = this.#report();
    log.event('info', 'node.recovered', { ...report });
    return report;
  }

  /** Makes the new start durable, then speaks. `done` when the node takes connections; a failure goes to `fail`. */
  start(done: () => void): void {
    const running = () => {
      this.#running = true;
      this.#peers.start();
      this.#world.log.event('info', 'node.started', { ...this.#report() });
      done();
    };
    this.#writeState({}, () => {
      if (this.#founded === null) running();
      else this.#founded.start(running);
    });
  }

  /** Ends the node gracefully, in less than ten seconds of ticks. */
  stop(done: () => void): void {
    if (this.#stopping !== null || this.#failed) return;
    this.#world.log.event('info', 'node.stopping', { node: this.#config.node });
    this.#stopping = new Stopping({
      tickMs: this.#config.tickMs,
      connections: this.#connections,
      node: this.#founded,
      log: this.#world.log,
      closing: () => this.#peers.stop(),
      done: () => {
        this.#running = false;
        this.#world.log.event('info', 'node.stopped', { node: this.#config.node });
        done();
      },
    });
  }

  /** Counters, gauges and histograms: plain data. */
  stats(): { counters: Record<string, number>; histograms: Record<string, unknown> } {
    const { counters, histograms } = this.#stats.snapshot();
    return { counters: { ...counters, ...this.#founded?.gauges() }, histograms };
  }

  /** The replicas of this node, for checkers and tests; not to be stepped from outside. */
  groups(): readonly HostedGroup[] {
    return this.#founded === null ? [] : [...this.#founded.storage.groups.all()];
  }

  /** Of a replica whose code threw: the calls into it, as `decodeRecording` reads them. Null: it was not a replica's. */
  failedRecording(): unknown {
    for (const group of this.groups()) {
      const recording = group.failedRecording();
      if (recording !== null) return encodeRecording(recording);
    }
    return null;
  }

  // ---- Events

  accepted(id: ConnectionId): void {
    if (this.#failed || !this.#running || this.#stopping !== null) this.#world.network.close(id, 'goingAway');
    else this.#connections.open(id, null);
  }

  dialed(id: ConnectionId, peer: NodeId, channel: PeerChannel): void {
    if (this.#failed || !this.#running || !this.#peers.dialed(peer, channel)) {
      this.#world.network.close(id, 'notNeeded');
      return;
    }
    const connection = this.#connections.open(id, { peer, channel });
    if (connection !== null) this.#handshake.dialed(connection);
  }

  dialFailed(peer: NodeId, channel: PeerChannel, refused: boolean): void {
    if (!this.#failed) this.#peers.dialFailed(peer, channel, refused);
  }

  received(id: ConnectionId, chunk: Buffer): void {
    if (!this.#failed) this.#connections.received(id, chunk);
  }

  closed(id: ConnectionId): void {
    if (!this.#failed) this.#connections.closed(id);
  }

  /** So many bytes of the connection have not left the process; told at least when 1 MiB is crossed, either way. */
  queued(id: ConnectionId, bytes: number): void {
    if (this.#failed) return;
    const connection = this.#connections.queued(id, bytes);
    if (connection !== null && connection.subscriptions.size > 0)
      this.#founded?.subscriptions.drained(connection);
  }

  /** All bytes of the connection have left. */
  drained(id: ConnectionId): void {
    this.queued(id, 0);
  }

  /** Every `tickMs`. */
  tick(): void {
    if (this.#failed || !this.#running) return;
    this.#connections.tick();
    this.#peers.tick();
    this.#founding?.tick();
    this.#founded?.tick();
    this.#stopping?.tick();
  }

  /** End of a turn: derived messages, the journal's flush, what committed goes out to consumers. */
  settle(): void {
    if (this.#failed) return;
    this.#founded?.settle();
    this.#connections.settle();
    this.#peers.settle();
  }

  // ---- Inside

  #makeFounded(founding: FoundingRecord, opened: boolean): FoundedNode {
    return new FoundedNode({
      config: this.#config,
      world: this.#world,
      founding,
      startCounter: this.#stateFile?.state.startCounter ?? 0,
      opened,
      connections: this.#connections,
      peers: this.#peers,
      stats: this.#stats,
      stopping: () => this.#stopping !== null,
      firstPromise: () => this.#writeState({ opened: true }, () => {}),
      fail: (reason) => this.#fail(reason),
    });
  }

  /** The founding record is durable: the metadata group exists from here on. */
  #becomeFounded(record: FoundingRecord): void {
    try {
      this.#founded = this.#makeFounded(record, false);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      this.#fail({ code: 'startFailed', message: error.message });
      return;
    }
    this.#founded.start(() => {});
  }

  /** A handshake is finished. */
  #ready(connection: Connection): void {
    const { peer } = connection;
    if (connection.role !== 'peer' || peer === null) return;
    const founder = this.#founding?.record?.founders.find(({ id }) => id === peer.node);
    if (founder !== undefined && founder.incarnation !== peer.incarnation) {
      // A wiped directory under a founder's id. It gets to know why it can not take part, and nothing else.
      if (this.#peers.worthLogging(peer.node)) {
        this.#world.log.event('warn', 'peer.refused', {
          peer: peer.node,
          code: 'incarnationReplaced',
          message: `node ${peer.node} runs on another data directory than the cluster was founded with`,
        });
      }
      this.#founding?.tellStranger(connection);
      this.#connections.close(connection, 'peerRefused');
      return;
    }
    this.#peers.ready(connection);
    if (connection.channel === 'protocol') this.#founding?.peerReady(connection);
  }

  #gone(connection: Connection): void {
    this.#founded?.gone(connection);
    if (connection.role !== 'peer') return;
    this.#peers.gone(connection);
    if (connection.channel === 'protocol') this.#founding?.peerGone(connection);
  }

  #self(): SelfDescription {
    const { node, cluster: name, nodes } = this.#config;
    return {
      node,
      name: `${name}/${node}`.replaceAll('/', ' '),
      incarnation: this.#identity?.incarnation ?? '',
      startCounter: this.#stateFile?.state.startCounter ?? 0,
      cluster: this.#founding?.record?.cluster ?? null,
      nodes,
    };
  }

  /** Changes the state file; a failure ends the node. */
  #writeState(change: Partial<NodeState>, done: () => void): void {
    this.#stateFile?.write(change, (error) => {
      if (error === null) done();
      else this.#fail({ code: 'diskFailed', message: error.message });
    });
  }

  #report(): RecoveryReport {
    const storage = this.#founded?.storage;
    return {
      node: this.#config.node,
      cluster: this.#founding?.record?.cluster ?? null,
      startCounter: this.#stateFile?.state.startCounter ?? 0,
      groups: storage?.groups.size ?? 0,
      journalFlushes: storage?.report.flushes ?? 0,
      journalTorn: storage !== undefined && storage.report.torn !== null,
      journalDamage: storage?.report.damage.length ?? 0,
    };
  }

  #fail(reason: FailReason): void {
    if (this.#failed) return;
    this.#failed = true;
    const { log } = this.#world;
    if (reason.code === 'diskFailed') log.event('error', 'disk.failed', { message: reason.message });
    log.event('error', 'node.failed', { ...reason });
    this.#world.fail(reason);
  }
}
