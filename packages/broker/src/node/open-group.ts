import type { Checksums, Limits, Prepare } from '@vireo/protocol';
import { type Disk, GroupLog, type JournalItem, SnapshotStore } from '@vireo/storage';
import {
  type Checkpoint,
  type Clock,
  decodeStateRecord,
  type NodeId,
  type Random,
  type ReplayItem,
  Replica,
  type ReplicaRecovery,
  replayJournal,
  type StateMachine,
  type Timeouts,
} from '@vireo/vsr';
import { MetadataMachine } from '../metadata/index.ts';
import { PartitionMachine } from '../partition/index.ts';
import { type GroupContext, type GroupIdentity, HostedGroup } from './hosted-group.ts';
import { StartError } from './world.ts';

/** Requests of one group that wait for room in its pipeline. */
const QUEUE_REQUESTS_MAX = 1_024;

/** What opening needs beside the group itself. */
export interface OpenOptions {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly node: NodeId;
  readonly startCounter: number;
  /** Cluster id, written into segment headers. */
  readonly cluster: string;
  /** Memory for the last ops: of one group here, of all of them in what `Groups` is given. */
  readonly tailCacheBytes: number;
}

/** A group's creation record, from its committed metadata entry (or the founding record for group 0). */
export interface GroupCreation extends GroupIdentity {
  readonly epoch: number;
  readonly segmentBytes: number;
  readonly mode: 'disk' | 'memory';
  /** Producers that a partition remembers; group 0 remembers none. */
  readonly lanesMax: number;
}

/** Metadata's machine has no hook for committed ops of its own: this is it. */
class LoggedMachine extends MetadataMachine {
  onCommitted: (prepare: Prepare) => void = () => {};

  override apply(prepare: Prepare): ReturnType<MetadataMachine['apply']> {
    const reply = super.apply(prepare);
    this.onCommitted(prepare);
    return reply;
  }
}

/** The machine of the metadata group, before its group is opened. */
export function makeMetadataMachine(events: ConstructorParameters<typeof MetadataMachine>[0]): LoggedMachine {
  return new LoggedMachine(events);
}

/**
 * Opens a group from what its directory and the journal hold: snapshot, segments up to it, the journal above.
 * Without any of it the group is new and the replica begins by making its first promise durable.
 *
 * @throws StartError corruptState, lostState: never "absent" for something that is there and unreadable.
 */
export function openGroup(
  creation: GroupCreation,
  items: readonly JournalItem[],
  metadata: LoggedMachine,
  context: GroupContext,
  options: OpenOptions,
): HostedGroup {
  const { disk, checksums } = options;
  const { id } = creation;
  const snapshots = SnapshotStore.open(disk, id, checksums);
  if (!snapshots.ok) throw unreadable(id, snapshots.error.message);
  const snapshot = snapshots.value.latest;
  const checkpointOp = snapshot?.op ?? 0;
  if (snapshot !== null && items.length === 0) {
    throw new StartError('lostState', `group ${id} has a snapshot, but the journal holds no promise of it`);
  }
  for (const item of items) {
    // What lies between the two is in the segments alone, and the state there is lost with the newer snapshot.
    if (item.type === 'checkpoint' && item.op > checkpointOp) {
      throw unreadable(
        id,
        `its snapshot is of op ${checkpointOp}, the journal names a checkpoint at op ${item.op}`,
      );
    }
  }
  const logs = GroupLog.open(
    disk,
    id,
    { cluster: options.cluster, segmentBytes: creation.segmentBytes, tailCacheBytes: options.tailCacheBytes },
    checksums,
    checkpointOp,
  );
  if (!logs.ok) throw unreadable(id, logs.error.message);
  const log = logs.value.log;
  if (log.endOp !== checkpointOp) {
    throw unreadable(id, `its segments end at op ${log.endOp}, its snapshot at op ${checkpointOp}`);
  }
  const group = new HostedGroup(context, creation, log, snapshots.value.store, checkpointOp);
  const machine = makeMachine(creation, group, metadata, options);
  if (snapshot !== null) machine.restore(snapshot.bytes);
  const checkpoint = { op: checkpointOp, checksum: log.headChecksum, timestamp: log.headTimestamp };
  const recovery = recover(id, items, checkpoint, checksums);
  const { clock, node, startCounter, limits, timeouts } = options;
  const replica = new Replica(
    {
      group: id,
      epoch: creation.epoch,
      members: creation.members,
      self: node,
      startCounter,
      pipeline: limits.pipelineOpsMax,
      pipelineBytes: limits.pipelineBytesMax,
      queueMax: QUEUE_REQUESTS_MAX,
      queueBytesMax: limits.partitionBytesInFlightMax,
      timeouts,
    },
    machine,
    { clock, random: options.random.fork(`group ${id}`), checksums },
    recovery,
    group,
  );
  group.attach(replica, machine);
  return group;
}

function makeMachine(
  creation: GroupCreation,
  group: HostedGroup,
  metadata: LoggedMachine,
  { checksums, limits }: OpenOptions,
): StateMachine {
  const onCommitted = (prepare: Prepare) => group.committed(prepare);
  if (creation.id === 0) {
    metadata.onCommitted = onCommitted;
    return metadata;
  }
  // The number of lanes must be alike on all replicas: it is in the creation record, and no node's setting.
  const options = { mode: creation.mode, lanesMax: creation.lanesMax, limits };
  const sessionStanding = (id: number) => metadata.sessionStanding(id);
  return new PartitionMachine(options, { checksums, sessionStanding, onCommitted });
}

function recover(
  id: number,
  items: readonly JournalItem[],
  checkpoint: Checkpoint,
  checksums: Checksums,
): ReplicaRecovery {
  const replay: ReplayItem[] = [];
  for (const item of items) {
    if (item.type === 'prepare') replay.push({ type: 'prepare', prepare: item.prepare });
    else if (item.type === 'state') {
      const record = decodeStateRecord(item.record, checksums);
      if (!record.ok) throw unreadable(id, record.error.message);
      replay.push({ type: 'state', record: record.value });
    }
  }
  const recovery = replayJournal(replay, checkpoint);
  if (recovery === null) throw unreadable(id, 'its journal entries do not follow from its checkpoint');
  if (recovery.record === null && (replay.length > 0 || checkpoint.op > 0)) {
    throw new StartError('lostState', `group ${id} has journal entries, but no promise among them`);
  }
  for (const item of items) {
    if (item.type !== 'faulty') continue;
    for (let op = Math.max(item.firstOp, checkpoint.op + 1); op <= item.lastOp; op++) {
      const entry = recovery.entries[op - checkpoint.op - 1];
      if (entry === undefined || entry.prepare === null) {
        throw unreadable(
          id,
          `op ${op} was durable in the journal and is damaged: restore it or replace the node`,
        );
      }
    }
  }
  return recovery;
}

function unreadable(id: number, message: string): StartError {
  return new StartError('corruptState', `group ${id} can not be opened: ${message}`);
}
