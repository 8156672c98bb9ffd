import type { ErrorCode } from '@vireo/protocol';
import { DiskError, type JournalItem } from '@vireo/storage';
import type { Message, NodeId } from '@vireo/vsr';
import type { GroupEntry, MetadataMachine } from '../metadata/index.ts';
import type { FoundingRecord } from './founding-record.ts';
import { HeldFrames } from './held-frames.ts';
import type { GroupContext, HostedGroup } from './hosted-group.ts';
import { type GroupCreation, makeMetadataMachine, type OpenOptions, openGroup } from './open-group.ts';
import { type EventLog, StartError } from './world.ts';

/** Replicas among which the node's tail cache is divided, if they are not more; and the least that one gets, bytes. */
const TAIL_SHARES_MIN = 16;
const TAIL_BYTES_MIN = 256 * 1024;

interface GroupsOptions {
  readonly context: GroupContext;
  readonly open: OpenOptions;
  readonly tickMs: number;
  readonly log: EventLog;
  /** The replica is gone: whoever waits for it has to be told. */
  deleted(group: HostedGroup): void;
}

/** All replicas of this node. They exist only by committed metadata; group 0 by the founding record. */
export class Groups {
  readonly metadata: MetadataMachine;
  readonly #machine: ReturnType<typeof makeMetadataMachine>;
  readonly #options: GroupsOptions;
  readonly #hosted = new Map<number, HostedGroup>();
  /** What the journal holds of groups that metadata, as applied so far, does not name yet. */
  readonly #recovered = new Map<number, JournalItem[]>();
  readonly #held: HeldFrames;
  /** Created and deleted by ops applied in this turn. */
  #created: GroupEntry[] = [];
  #deleted: GroupEntry[] = [];
  #started = false;
  /** Groups whose files have to go once metadata's snapshot forgets them: id → metadata op. */
  readonly #tombstones = new Map<number, number>();

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.#held = new HeldFrames(options.tickMs);
    this.#machine = makeMetadataMachine({
      onGroupCreated: (entry) => this.#created.push(entry),
      onGroupDeleted: (entry) => this.#deleted.push(entry),
    });
    this.metadata = this.#machine;
  }

  get size(): number {
    return this.#hosted.size;
  }

  all(): IterableIterator<HostedGroup> {
    return this.#hosted.values();
  }

  get(id: number): HostedGroup | undefined {
    return this.#hosted.get(id);
  }

  /** The group, or why it is not here. "Gone" is said only of what this node's metadata has seen go. */
  find(id: number): HostedGroup | ErrorCode {
    const group = this.#hosted.get(id);
    if (group !== undefined) return group;
    switch (this.metadata.groupStanding(id)) {
      case 'gone':
        return 'topicDeleted';
      case 'behind':
        return 'metadataBehind';
      case 'known':
        return 'unknownGroup';
    }
  }

  /** Opens the metadata group and every group that its snapshot names. @throws StartError */
  open(founding: FoundingRecord, items: readonly JournalItem[]): void {
    for (const item of items) {
      const list = this.#recovered.get(item.group);
      if (list === undefined) this.#recovered.set(item.group, [item]);
      else list.push(item);
    }
    const { segmentBytes } = this.#options.open.limits;
    this.#host({
      id: 0,
      topicId: 0,
      partition: 0,
      members: founding.founders.map((founder) => founder.id),
      epoch: 0,
      segmentBytes,
      mode: 'disk',
      lanesMax: 0,
    });
    for (const entry of this.metadata.groups()) this.#create(entry);
    this.#drain();
    for (const id of this.#recovered.keys()) {
      if (this.metadata.groupStanding(id) === 'gone') this.#recovered.delete(id);
    }
    this.#findLeftovers();
  }

  /** The disk may be written now. */
  start(): void {
    this.#started = true;
    for (const group of this.#hosted.values()) group.syncKept();
  }

  /** A message of a peer for one of its groups. */
  message(id: number, from: NodeId, message: Message): void {
    const group = this.#hosted.get(id);
    const { stats, journal } = this.#options.context;
    if (message.type === 'prepare' ? journal.full : message.type === 'repair' && journal.waiting > 0) {
      // The journal has no room for it: as if lost on the way, the replica asks for it later.
      stats.peerFramesDropped++;
      return;
    }
    if (group !== undefined) {
      group.message(from, message);
      return;
    }
    if (this.metadata.groupStanding(id) !== 'gone' && this.#held.hold(id, from, message)) stats.framesHeld++;
    else stats.framesUnknownGroup++;
  }

  tick(): void {
    this.#held.tick();
    for (const group of this.#hosted.values()) group.tick();
  }

  /** Carries out what metadata ops of this turn created and deleted. */
  settle(): void {
    if (this.#created.length > 0 || this.#deleted.length > 0) this.#drain();
  }

  /** Groups whose files may go: metadata's snapshot at `op` does not know them any more. */
  takeTombstones(op: number): number[] {
    const ids: number[] = [];
    for (const [id, deletedAt] of this.#tombstones) {
      if (deletedAt > op) continue;
      this.#tombstones.delete(id);
      ids.push(id);
    }
    return ids;
  }

  /**
   * What the journal held of groups that are not open yet: it has to stay until metadata names them. In the order in
   * which it was written.
   */
  pending(): ReadonlyMap<number, readonly JournalItem[]> {
    return this.#recovered;
  }

  /** Directories of groups that metadata has seen go: a crash came before their files were removed. */
  #findLeftovers(): void {
    let names: readonly string[];
    try {
      names = this.#options.open.disk.list('groups');
    } catch (error) {
      if (error instanceof DiskError && error.code === 'notFound') return;
      throw new StartError(
        'diskFailed',
        `the directory of the groups can not be read: ${String(error)}`,
        error,
      );
    }
    for (const name of names) {
      const id = Number(name);
      if (!Number.isSafeInteger(id) || id <= 0 || this.metadata.groupStanding(id) !== 'gone') continue;
      if (this.metadata.isSurelyGone(id)) this.#tombstones.set(id, 0);
      else this.#options.log.event('warn', 'group.abandoned', { group: id });
    }
  }

  #drain(): void {
    while (this.#created.length > 0 || this.#deleted.length > 0) {
      const created = this.#created;
      const deleted = this.#deleted;
      this.#created = [];
      this.#deleted = [];
      for (const entry of created) this.#create(entry);
      for (const entry of deleted) this.#delete(entry);
    }
  }

  #create(entry: GroupEntry): void {
    if (!entry.members.includes(this.#options.open.node)) return;
    // Applied again after a restart: what has a record is what it is.
    if (this.#hosted.has(entry.group)) return;
    // Created and deleted within one turn.
    if (this.metadata.groupStanding(entry.group) !== 'known') return;
    const { group: id, topicId, partition, members, epoch, segmentBytes, mode, lanesMax } = entry;
    this.#host({ id, topicId, partition, members, epoch, segmentBytes, mode, lanesMax });
  }

  #host(creation: GroupCreation): void {
    const { context, open, log } = this.#options;
    const items = this.#recovered.get(creation.id) ?? [];
    const share = open.tailCacheBytes / Math.max(TAIL_SHARES_MIN, this.#hosted.size + 1);
    const options = { ...open, tailCacheBytes: Math.max(TAIL_BYTES_MIN, Math.floor(share)) };
    const group = openGroup(creation, items, this.#machine, context, options);
    this.#recovered.delete(creation.id);
    this.#hosted.set(creation.id, group);
    if (this.#started) group.syncKept();
    const { view, op } = { view: group.replica.state.view, op: group.replica.op };
    log.event(items.length === 0 ? 'info' : 'debug', items.length === 0 ? 'group.created' : 'group.opened', {
      group: creation.id,
      topic: creation.topicId,
      partition: creation.partition,
      members: creation.members,
      view,
      op,
      checkpointOp: group.checkpointOp,
    });
    context.stepped(group);
    for (const { from, message } of this.#held.take(creation.id)) group.message(from, message);
  }

  #delete(entry: GroupEntry): void {
    this.#recovered.delete(entry.group);
    this.#held.take(entry.group);
    if (entry.members.includes(this.#options.open.node))
      this.#tombstones.set(entry.group, this.metadata.appliedOp);
    const group = this.#hosted.get(entry.group);
    if (group === undefined) return;
    group.deleted = true;
    this.#hosted.delete(entry.group);
    this.#options.log.event('info', 'group.deleted', { group: entry.group, topic: entry.topicId });
    this.#options.deleted(group);
  }
}
