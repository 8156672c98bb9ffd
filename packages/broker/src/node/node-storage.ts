import type { Checksums, Limits } from '@vireo/protocol';
import { type Disk, Journal, type JournalReport } from '@vireo/storage';
import {
  type Clock,
  DEFAULT_TIMEOUTS,
  type NodeId,
  type Random,
  type ReplicaConfig,
  type Timeouts,
} from '@vireo/vsr';
import { Checkpoints } from './checkpoint.ts';
import type { FoundingRecord } from './founding-record.ts';
import { Groups } from './groups.ts';
import type { GroupContext, HostedGroup } from './hosted-group.ts';
import { JournalWriter } from './journal-writer.ts';
import { MemoryUpkeep } from './memory-upkeep.ts';
import type { Stats } from './stats.ts';
import { type EventLog, type FailReason, StartError } from './world.ts';

interface StorageOptions {
  readonly node: NodeId;
  readonly startCounter: number;
  readonly founding: FoundingRecord;
  /** The journal and metadata's first promise were durable once: if they are not there, they were lost. */
  readonly opened: boolean;
  readonly limits: Limits;
  readonly tickMs: number;
  readonly timeouts: Partial<Timeouts>;
  readonly checkpointBytes: number | undefined;
  readonly coldStart: ReplicaConfig['coldStart'];
  readonly digestEvery: number;
  readonly recordCalls: boolean;
  readonly disk: Disk;
  readonly clock: Clock;
  readonly random: Random;
  readonly checksums: Checksums;
  readonly stats: Stats;
  readonly log: EventLog;
  readonly context: Omit<GroupContext, 'journal'>;
  deleted(group: HostedGroup): void;
  fail(reason: FailReason): void;
}

/** What a founded node keeps on disk, opened. */
export interface NodeStorage {
  readonly journal: Journal;
  readonly writer: JournalWriter;
  readonly groups: Groups;
  readonly checkpoints: Checkpoints;
  readonly memory: MemoryUpkeep;
  readonly report: JournalReport;
}

/**
 * Opens journal and groups. Nothing is written: the replicas' first writes are queued until `journal.start`.
 *
 * @throws StartError
 */
export function openStorage(options: StorageOptions): NodeStorage {
  const { disk, checksums, random, founding, limits, node, startCounter, stats, log } = options;
  const opening = Journal.open(
    disk,
    {
      cluster: founding.cluster,
      node,
      startCounter,
      fileCount: limits.journalFiles,
      fileBytes: limits.journalFileBytes,
    },
    checksums,
    random.fork('journal'),
  );
  if (!opening.ok) {
    const { code, message } = opening.error;
    if (code === 'otherCluster' || code === 'otherNode') throw new StartError('clusterMismatch', message);
    throw new StartError(code === 'newerFormat' ? 'unsupportedFormat' : 'corruptState', message);
  }
  const { journal, items, report } = opening.value;
  if (options.opened && !items.some((item) => item.group === 0 && item.type === 'state')) {
    throw new StartError(
      'lostState',
      "the journal does not hold this node's promises any more: replace the node",
    );
  }
  const pieceBytes = Math.floor(limits.journalFileBytes / 4);
  const writer = new JournalWriter(journal, pieceBytes);
  const groups = new Groups({
    context: { ...options.context, journal: writer },
    tickMs: options.tickMs,
    log,
    deleted: options.deleted,
    open: {
      disk,
      checksums,
      clock: options.clock,
      random,
      limits,
      timeouts: { ...DEFAULT_TIMEOUTS, ...options.timeouts },
      node,
      startCounter,
      cluster: founding.cluster,
      tailCacheBytes: limits.tailCacheBytesMax,
      coldStart: options.coldStart,
      digestEvery: options.digestEvery,
      recordCalls: options.recordCalls,
    },
  });
  groups.open(founding, items);
  const everyBytes =
    options.checkpointBytes ?? Math.floor((limits.journalFiles * limits.journalFileBytes) / 2);
  const checkpoints = new Checkpoints({
    disk,
    journal,
    writer,
    groups,
    stats,
    log,
    everyBytes,
    pieceBytes,
    fail: options.fail,
  });
  const memory = new MemoryUpkeep({
    groups,
    checkpoints,
    tickMs: options.tickMs,
    flushIntervalMs: limits.flushIntervalMs,
    checkpointIntervalMs: limits.checkpointIntervalMs,
    everyBytes,
  });
  return { journal, writer, groups, checkpoints, memory, report };
}
