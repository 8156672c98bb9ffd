import { type Checksums, type Limits, ModeFlag, type Prepare, PrepareKind } from '@vireo/protocol';
import { type Disk, GroupLog, type JournalItem, type Snapshot, SnapshotStore } from '@vireo/storage';
import {
  type Checkpoint,
  type Clock,
  coldStartFields,
  decodeStateRecord,
  type Mode,
  type NodeId,
  type Random,
  type ReplayItem,
  Replica,
  type ReplicaConfig,
  ReplicaRecorder,
  type ReplicaRecovery,
  replayJournal,
  type StateMachine,
  type Timeouts,
} from '@vireo/vsr';
import { MetadataMachine } from '../metadata/index.ts';
import { PartitionMachine } from '../partition/index.ts';
import { decodeGroupSnapshot, type GroupSnapshot } from './group-snapshot.ts';
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
  readonly coldStart: ReplicaConfig['coldStart'];
  readonly digestEvery: number;
  readonly recordCalls: boolean;
}

/** A group's creation record, from its committed metadata entry (or the founding record for group 0). */
export interface GroupCreation extends GroupIdentity {
  readonly epoch: number;
  readonly segmentBytes: number;
  /** The mode in which its log begins. */
  readonly mode: Mode;
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
 * Opens a group from what its directory and the journal hold: snapshot, segments up to it, the journal above; in mode
 * `memory` also the segments above, which the journal does not have. Without any of it the group is new and the
 * replica begins by making its first promise durable.
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
  const stored = snapshots.value.latest;
  const checkpointOp = stored?.op ?? 0;
  if (stored !== null && items.length === 0) {
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
  const snapshot = stored === null ? null : readSnapshot(id, stored);
  const replay = readItems(id, items, checksums);
  let { mode, lossEpoch } = snapshot ?? { mode: creation.mode, lossEpoch: 0 };
  const committed: CommittedHook = { call: () => {} };
  const machine = makeMachine(creation, metadata, committed, options);
  if (snapshot !== null) machine.restore(snapshot.machine);
  // Into the machine, and nowhere else: it is in the log already, and who waits for it was told in another run.
  const keep = (prepare: Prepare): void => {
    const { kind, flags } = prepare.header;
    if (kind === PrepareKind.mode) mode = flags === ModeFlag.memory ? 'memory' : 'disk';
    lossEpoch = coldStartFields(prepare)?.lossEpoch ?? lossEpoch;
    machine.apply(prepare);
  };
  const logs = GroupLog.open(
    disk,
    id,
    { cluster: options.cluster, segmentBytes: creation.segmentBytes, tailCacheBytes: options.tailCacheBytes },
    checksums,
    checkpointOp,
    mode === 'memory' || mayHaveBeenMemory(replay, checkpointOp) ? keep : null,
  );
  if (!logs.ok) throw unreadable(id, logs.error.message);
  const { log, report } = logs.value;
  if (log.endOp !== checkpointOp + report.keptOps) {
    throw unreadable(id, `its segments end at op ${log.endOp}, its snapshot at op ${checkpointOp}`);
  }
  const group = new HostedGroup(
    context,
    creation,
    log,
    snapshots.value.store,
    checkpointOp,
    report.keptOps > 0,
  );
  committed.call = (prepare) => group.committed(prepare);
  const { endOp: op, headChecksum: checksum, headTimestamp: timestamp } = log;
  const recovery = recover(id, replay, { op, checksum, timestamp, mode, lossEpoch });
  const { clock, node, startCounter, limits, timeouts } = options;
  const config: ReplicaConfig = {
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
    coldStart: options.coldStart,
    digestEvery: options.digestEvery,
  };
  const world = { clock, random: options.random.fork(`group ${id}`), checksums };
  const recorder = options.recordCalls ? new ReplicaRecorder(config) : null;
  const replica = new Replica(
    config,
    recorder?.machine(machine) ?? machine,
    recorder?.world(world) ?? world,
    recovery,
    group,
  );
  group.attach(replica, machine, recorder);
  return group;
}

function readSnapshot(id: number, { bytes }: Snapshot): GroupSnapshot {
  const read = decodeGroupSnapshot(bytes);
  if (!read.ok) throw unreadable(id, read.error.message);
  return read.value;
}

/**
 * Whether ops beyond the checkpoint may have been committed in mode `memory`: a change of the mode was journaled, or
 * a promise says that bodies were held which the journal does not have. Then the segments alone have them; else
 * the journal has all, and what the segments hold beyond the checkpoint is made again from it.
 */
function mayHaveBeenMemory(replay: readonly ReplayItem[], checkpointOp: number): boolean {
  return replay.some((item) => {
    if (item.type === 'state') return item.record.mark;
    const header = item.type === 'prepare' ? item.prepare.header : item.header;
    return header?.kind === PrepareKind.mode && header.op > checkpointOp;
  });
}

/** Where a machine reports its committed ops: nowhere, while it is brought up to what its log holds. */
interface CommittedHook {
  call(prepare: Prepare): void;
}

function makeMachine(
  creation: GroupCreation,
  metadata: LoggedMachine,
  committed: CommittedHook,
  { checksums, limits }: OpenOptions,
): StateMachine {
  const onCommitted = (prepare: Prepare) => committed.call(prepare);
  if (creation.id === 0) {
    metadata.onCommitted = onCommitted;
    return metadata;
  }
  // The number of lanes must be alike on all replicas: it is in the creation record, and no node's setting.
  const options = { mode: creation.mode, lanesMax: creation.lanesMax, limits };
  const sessionStanding = (id: number) => metadata.sessionStanding(id);
  return new PartitionMachine(options, { checksums, sessionStanding, onCommitted });
}

/** What the journal holds of the group, for replication. */
function readItems(id: number, items: readonly JournalItem[], checksums: Checksums): ReplayItem[] {
  const replay: ReplayItem[] = [];
  for (const item of items) {
    if (item.type === 'prepare') replay.push({ type: 'prepare', prepare: item.prepare });
    else if (item.type === 'faulty') {
      const { firstOp, lastOp, lastChecksum, header } = item;
      replay.push({ type: 'faulty', firstOp, lastOp, lastChecksum, header });
    } else if (item.type === 'state') {
      const record = decodeStateRecord(item.record, checksums);
      if (!record.ok) throw unreadable(id, record.error.message);
      replay.push({ type: 'state', record: record.value });
    }
  }
  return replay;
}

function recover(id: number, replay: readonly ReplayItem[], checkpoint: Checkpoint): ReplicaRecovery {
  const recovery = replayJournal(replay, checkpoint);
  if (recovery === null) throw unreadable(id, 'its journal entries do not follow from its checkpoint');
  if (recovery.record === null && (replay.length > 0 || checkpoint.op > 0)) {
    throw new StartError('lostState', `group ${id} has journal entries, but no promise among them`);
  }
  return recovery;
}

function unreadable(id: number, message: string): StartError {
  return new StartError('corruptState', `group ${id} can not be opened: ${message}`);
}
