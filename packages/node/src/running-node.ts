import type { Broker, BrokerConfig, EventLog, FailReason } from '@vireo/broker';
import type { Limits } from '@vireo/protocol';
import type { Disk } from '@vireo/storage';
import type { Timeouts } from '@vireo/vsr';
import type { FileDiskOptions } from './file-disk.ts';

/** Settings of a node in this process. */
export interface StartNodeOptions {
  /** A data directory made by `formatNode`. */
  readonly directory: string;
  /** `host:port` to bind. Default: the node's own address in `node.json`. Port 0: a free one. */
  readonly listen?: string | undefined;
  /** `host:port` that clients are told. Default: the node's own address in `node.json`. */
  readonly advertise?: string | undefined;
  /** Shared by all nodes of the cluster. Default: none, and then only loopback addresses may be bound. */
  readonly secret?: string | null | undefined;
  /** Every limit of the node. Default: the table's defaults. */
  readonly limits?: Limits | undefined;
  /** Where to reach a node, by id, when not at its advertised address: behind a proxy or NAT. */
  readonly dialAddresses?: Readonly<Record<number, string>> | undefined;
  /** Timeouts of replication in ticks of 10 ms. Default: the table of vsr. */
  readonly timeouts?: Partial<Timeouts> | undefined;
  /** What a group does of which too many replicas lost what they acknowledged. Default `wait`: for an operator. */
  readonly coldStart?: BrokerConfig['coldStart'] | undefined;
  /** Default: events are dropped. */
  readonly log?: EventLog | undefined;
  /** Puts a disk of its own between the core and the files: one that records, delays or withholds. */
  readonly disk?: ((files: Disk) => Disk) | undefined;
  readonly diskOptions?: FileDiskOptions | undefined;
  /**
   * The node can not go on; it has stopped answering and its directory is free again. Default: a line on stderr and
   * `process.exit` with `failure.exitCode`.
   */
  readonly onFailure?: ((failure: NodeFailure) => void) | undefined;
}

/** Why a running node ended by itself. */
export interface NodeFailure {
  /** `assertionFailed`: a broken promise of the code to itself. The others: see `FailReason`. */
  readonly code: 'assertionFailed' | FailReason['code'];
  readonly message: string;
  /** What a process should end with: 70 (EX_SOFTWARE) for `assertionFailed`, else 1. */
  readonly exitCode: number;
  /** Written for `assertionFailed`: the error, the last events, the statistics. */
  readonly dumpFile: string | null;
}

/** A node that runs in this process. */
export interface RunningNode {
  readonly node: number;
  /** Name of the cluster. */
  readonly cluster: string;
  /** Where it listens, with the port that the system chose when 0 was asked for. */
  readonly listening: string;
  /** What clients and other nodes are told. */
  readonly address: string;
  /** What was found in the data directory. */
  readonly recovery: ReturnType<Broker['open']>;
  stats(): NodeStats;
  /** Why the node should not be sent clients yet; null when every replica here takes part and has caught up. */
  notReady(): string | null;
  /**
   * Hands primaries over, finishes or refuses what is in flight, syncs, closes. `timeoutMs` (default 9,000)
   * bounds all but the last half second.
   * @returns whether everything was finished; false: the time was up, and a restart recovers as from a kill.
   */
  stop(timeoutMs?: number): Promise<boolean>;
}

/** Counters of the node and of what it runs on. */
export interface NodeStats {
  readonly broker: ReturnType<Broker['stats']>;
  readonly process: {
    /** How late ticks of 10 ms were. */
    readonly loopLagMs: {
      readonly last: number;
      readonly p50: number;
      readonly p99: number;
      readonly max: number;
    };
    /** Duration of durable writes and syncs. */
    readonly durableMs: {
      readonly count: number;
      readonly p50: number;
      readonly p99: number;
      readonly max: number;
    };
    readonly diskBytesWritten: number;
    readonly diskBytesRead: number;
    readonly openFiles: number;
    readonly connections: number;
    readonly unsentBytes: number;
  };
}
