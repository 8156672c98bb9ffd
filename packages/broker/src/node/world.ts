import type { Checksums, Limits } from '@vireo/protocol';
import type { Disk } from '@vireo/storage';
import type { Clock, NodeId, Random, ReplicaConfig, Timeouts } from '@vireo/vsr';
import type { EventName } from './event-names.ts';
import type { TransferSettings } from './transfer/transfers.ts';

/** A connection, as numbered by the adapter; never reused while the node runs. */
export type ConnectionId = number;

/** Kinds of connection between two nodes: protocol messages, and what may wait (repair). */
export type PeerChannel = 'protocol' | 'bulk';

/** A node as configured or founded. */
export interface NodeAddress {
  readonly id: NodeId;
  /** `host:port` under which clients and peers reach it. */
  readonly address: string;
  /** Failure domain: placement never puts two replicas of a group on one host, unless there is only one. */
  readonly host: string;
}

/** Settings of a node. Sizes in bytes; every limit comes from the limits table. */
export interface BrokerConfig {
  readonly node: NodeId;
  /** Name of the cluster, as in `node.json`; it guards against mixing up two clusters before they are founded. */
  readonly cluster: string;
  /** All nodes of the cluster, this one included. */
  readonly nodes: readonly NodeAddress[];
  /** Shared by all nodes of the cluster; null: peers prove the empty secret, and the adapter binds loopback only. */
  readonly secret: string | null;
  readonly limits: Limits;
  /** Milliseconds between two calls of `tick()`. Default 10. */
  readonly tickMs: number;
  /** Timeouts of vsr in ticks. Default: vsr's own table. */
  readonly timeouts?: Partial<Timeouts>;
  /**
   * Bytes journaled since the last checkpoint that start a new one, and bytes that partitions in mode `memory` have
   * applied since theirs. Default: half of the journal ring.
   */
  readonly checkpointBytes?: number;
  /**
   * What a group does when so many of its members lost what they acked that no quorum is left: wait for the operator,
   * or go on from the best log that is left as soon as all members are there. Default `wait`.
   */
  readonly coldStart?: ReplicaConfig['coldStart'];
  /** Replicas compare their states at every op whose number is a multiple of this. Default 16,384. */
  readonly digestEvery?: number;
  /** State transfer of replicas that are far behind. Default: see `TransferSettings`. */
  readonly transfer?: TransferSettings;
  /**
   * Whether the last calls into each replica are kept for the dump of a failed assertion. Default true. Costs some
   * microseconds an op; whoever can run everything again (the simulator) needs no dump.
   */
  readonly recordCalls?: boolean;
}

/** What the node asks of its connections. All of it may be called at any time within a turn. */
export interface NetworkEffects {
  /** Opens a connection; answered by `dialed` or `dialFailed`. */
  dial(peer: NodeId, channel: PeerChannel): void;
  /** Sends the buffers back to back. They are never written again by the sender. */
  send(connection: ConnectionId, buffers: readonly Buffer[]): void;
  /** Stops reading from the connection. */
  pause(connection: ConnectionId): void;
  resume(connection: ConnectionId): void;
  /** Closes after what was sent before has left; `closed` is not called for it. */
  close(connection: ConnectionId, reason: string): void;
}

/** The node's log. */
export interface EventLog {
  event(level: 'debug' | 'info' | 'warn' | 'error', name: EventName, fields: Record<string, unknown>): void;
}

/** Cryptography, injected because it is native code. */
export interface NodeCrypto {
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  randomBytes(count: number): Buffer;
}

/** What was found in the data directory. */
export interface RecoveryReport {
  readonly node: NodeId;
  /** Cluster id; null while the cluster is not founded. */
  readonly cluster: string | null;
  /** Of this run. */
  readonly startCounter: number;
  readonly groups: number;
  /** Flushes of the journal that were replayed, and whether a torn one was cut. */
  readonly journalFlushes: number;
  readonly journalTorn: boolean;
  readonly journalDamage: number;
}

/** Why the node asks its process to end. */
export interface FailReason {
  readonly code: 'diskFailed' | 'incarnationReplaced' | 'clusterMismatch' | 'startFailed';
  readonly message: string;
}

/** Everything outside of the node. */
export interface BrokerWorld {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly checksums: Checksums;
  readonly crypto: NodeCrypto;
  readonly network: NetworkEffects;
  readonly log: EventLog;
  /** The node can not go on: it votes, acknowledges and serves no more. Called at most once. */
  fail(reason: FailReason): void;
}

/** Why a node does not start. Nothing was changed on disk. */
export class StartError extends Error {
  readonly code:
    | 'notFormatted'
    | 'unsupportedFormat'
    | 'wrongNode'
    | 'clusterMismatch'
    | 'corruptState'
    | 'lostState'
    | 'diskFailed'
    | 'invalidConfig';

  constructor(code: StartError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'StartError';
    this.code = code;
  }
}
