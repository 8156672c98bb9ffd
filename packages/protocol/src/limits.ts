import { type Decoded, decoded, refused } from './decoded.ts';
import type { ErrorCode } from './errors.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

/** Longest name of a stream, topic or session, bytes. Fixed: all nodes and clients have to agree on it. */
export const NAME_BYTES_MAX = 255;

/** Largest payload of a control request, bytes; of an answer four times this. Fixed, as `NAME_BYTES_MAX`. */
export const CONTROL_BYTES_MAX = 4 * MiB;

/** Largest replica group that the quorum tables of replication cover. */
export const REPLICAS_MAX = 6;

/** Most uncommitted ops that the protocol of replication allows in a group; a setting can only lower it. */
export const PIPELINE_OPS_MAX = 32;

/** One limit: what applies when nothing is configured, the range a setting may take, what refuses. */
export interface LimitEntry {
  readonly default: number;
  readonly min: number;
  readonly max: number;
  readonly unit: 'bytes' | 'records' | 'count' | 'ms' | 'ops';
  /** The error of something over the limit. */
  readonly code: ErrorCode;
  readonly about: string;
}

function entry(
  value: number,
  min: number,
  max: number,
  unit: LimitEntry['unit'],
  code: ErrorCode,
  about: string,
): LimitEntry {
  return { default: value, min, max, unit, code, about };
}

/** Every limit of the data path and the metadata, in one table; `config show` prints it. */
export const LimitTable = {
  recordBytesMax: entry(MiB, KiB, 16 * MiB, 'bytes', 'recordTooLarge', 'one encoded record'),
  batchBytesMax: entry(4 * MiB, 4 * KiB, 64 * MiB, 'bytes', 'batchTooLarge', 'one batch as it travels'),
  unpackedBytesMax: entry(
    16 * MiB,
    4 * KiB,
    256 * MiB,
    'bytes',
    'batchTooLarge',
    'records of a batch, unpacked',
  ),
  batchRecordsMax: entry(65_535, 1, 65_535, 'records', 'batchTooManyRecords', 'records of a batch'),
  recordHeadersMax: entry(64, 0, 1_024, 'count', 'recordTooLarge', 'headers of a record'),
  recordHeaderBytesMax: entry(64 * KiB, 0, MiB, 'bytes', 'recordTooLarge', 'headers of a record, encoded'),
  frameBytesMax: entry(9 * MiB, 64 * KiB, 128 * MiB, 'bytes', 'frameTooLarge', 'one frame, header included'),
  laneBatchesInFlightMax: entry(
    16,
    1,
    32,
    'count',
    'overloaded',
    'unanswered batches of one producer in a partition',
  ),
  lanesPartitionMax: entry(10_000, 16, 100_000, 'count', 'limit', 'producers known to a partition'),
  partitionBytesInFlightMax: entry(
    16 * MiB,
    MiB,
    256 * MiB,
    'bytes',
    'overloaded',
    'unanswered bytes of a partition',
  ),
  connectionBytesInFlightMax: entry(
    32 * MiB,
    MiB,
    512 * MiB,
    'bytes',
    'overloaded',
    'unanswered bytes of a connection',
  ),
  nodeBytesInFlightMax: entry(
    256 * MiB,
    MiB,
    4_096 * MiB,
    'bytes',
    'overloaded',
    'unanswered bytes of a node',
  ),
  connectionRequestsMax: entry(
    1_024,
    1,
    65_536,
    'count',
    'overloaded',
    'unanswered requests of a connection',
  ),
  connectionSubscriptionsMax: entry(1_000, 1, 100_000, 'count', 'limit', 'subscriptions of a connection'),
  subscriptionCreditBytesMax: entry(8 * MiB, 1, 256 * MiB, 'bytes', 'limit', 'credit of a subscription'),
  subscriptionCreditRecordsMax: entry(100_000, 1, 10_000_000, 'records', 'limit', 'credit of a subscription'),
  connectionCreditBytesMax: entry(64 * MiB, MiB, 1_024 * MiB, 'bytes', 'limit', 'credit of a connection'),
  nodeConnectionsMax: entry(10_000, 16, 100_000, 'count', 'overloaded', 'connections of a node'),
  streamsMax: entry(1_000, 1, 100_000, 'count', 'limit', 'streams of a cluster'),
  topicsMax: entry(10_000, 1, 100_000, 'count', 'limit', 'topics of a cluster'),
  clusterPartitionsMax: entry(20_000, 1, 100_000, 'count', 'limit', 'partitions of a cluster'),
  topicPartitionsMax: entry(4_096, 1, 4_096, 'count', 'limit', 'partitions of a topic'),
  opPartitionsMax: entry(1_024, 1, 1_024, 'count', 'limit', 'partitions made by one request'),
  nodePartitionsMax: entry(4_096, 1, 16_384, 'count', 'limit', 'partition replicas of a node'),
  replicasMax: entry(REPLICAS_MAX, 1, REPLICAS_MAX, 'count', 'tooManyReplicas', 'replicas of a group'),
  sessionsMax: entry(100_000, 16, 1_000_000, 'count', 'limit', 'sessions of a cluster'),
  pipelineOpsMax: entry(
    PIPELINE_OPS_MAX,
    1,
    PIPELINE_OPS_MAX,
    'ops',
    'overloaded',
    'uncommitted ops of a group',
  ),
  pipelineBytesMax: entry(16 * MiB, MiB, 256 * MiB, 'bytes', 'overloaded', 'uncommitted bytes of a group'),
  peerBytesUnackedMax: entry(
    64 * MiB,
    MiB,
    1_024 * MiB,
    'bytes',
    'overloaded',
    'bytes sent to a peer, not acked',
  ),
  tailCacheBytesMax: entry(
    256 * MiB,
    MiB,
    65_536 * MiB,
    'bytes',
    'limit',
    'committed ops kept in memory by a node',
  ),
  journalFiles: entry(8, 3, 1_024, 'count', 'limit', 'files of the journal ring'),
  journalFileBytes: entry(64 * MiB, 64 * KiB, 1_024 * MiB, 'bytes', 'limit', 'one file of the journal'),
  flushIntervalMs: entry(
    1_000,
    10,
    60_000,
    'ms',
    'limit',
    'between two syncs of what partitions in mode `memory` have committed: what a power cut of all replicas may take',
  ),
  checkpointIntervalMs: entry(
    60_000,
    100,
    3_600_000,
    'ms',
    'limit',
    'between two checkpoints of partitions in mode `memory`: what a restart reads again of their segments',
  ),
  segmentBytes: entry(
    256 * MiB,
    64 * KiB,
    4_095 * MiB,
    'bytes',
    'limit',
    'size at which a segment is closed',
  ),
} as const satisfies Record<string, LimitEntry>;

/** Name of a limit, as in the config. */
export type LimitName = keyof typeof LimitTable;

/** A value for every limit. */
export type Limits = Readonly<Record<LimitName, number>>;

/** Every limit at its default. */
export const defaultLimits: Limits = Object.freeze(
  Object.fromEntries(Object.entries(LimitTable).map(([name, { default: value }]) => [name, value])),
) as Limits;

/**
 * The defaults with some limits replaced. An unknown name is `invalid`, a value that is no integer within the
 * limit's range `limitOutOfRange`.
 */
export function limitsWith(changes: Readonly<Record<string, number>>): Decoded<Limits> {
  const limits: Record<string, number> = { ...defaultLimits };
  for (const [name, value] of Object.entries(changes)) {
    if (!Object.hasOwn(LimitTable, name)) return refused('invalid', `no limit is called ${name}`);
    const { min, max, unit } = LimitTable[name as LimitName];
    if (!Number.isInteger(value) || value < min || value > max) {
      return refused('limitOutOfRange', `${name} is ${value}, allowed are ${min} to ${max} ${unit}`);
    }
    limits[name] = value;
  }
  return decoded(limits as Limits);
}
