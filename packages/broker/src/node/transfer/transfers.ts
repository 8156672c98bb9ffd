import type { Checksums, Limits } from '@vireo/protocol';
import { CHUNK_BYTES, type Disk, DiskError, isStaged, type StagedTransfer } from '@vireo/storage';
import type { NodeId } from '@vireo/vsr';
import type { Checkpoints } from '../checkpoint.ts';
import type { Groups } from '../groups.ts';
import type { HostedGroup } from '../hosted-group.ts';
import type { JournalWriter } from '../journal-writer.ts';
import type { Stats } from '../stats.ts';
import type { EventLog, FailReason } from '../world.ts';
import { GroupTransfer, type TransferEnd } from './group-transfer.ts';
import { installTransfer } from './install-transfer.ts';
import { ServeTransfers } from './serve-transfers.ts';
import type { TransferMessage } from './transfer-message.ts';

/**
 * Ops that a replica lacks before it asks for a checkpoint. A manifest makes its sender look at its whole log once, and
 * the receiver at its own, so it has to be worth more than a few answers of a mebibyte each.
 */
const TRANSFER_OPS = 4_096;
/** Groups of a node that take a transfer at once. */
const TRANSFERS_MAX = 2;
/** Wait after a transfer that came to nothing; the replica is repaired op by op meanwhile. Milliseconds. */
const REST_MS = 1_000;
/** A group that needs no transfer for so long has no use for what is staged of one. Milliseconds. */
const LEFTOVERS_MS = 2_000;

export interface TransferSettings {
  /** Ops that a replica lacks before it asks for a checkpoint of a peer. Default 4,096. */
  readonly ops?: number;
  /** Bytes of one chunk, alike on all nodes, or there are no transfers. Default 1 MiB, less where frames are small. */
  readonly chunkBytes?: number;
}

interface TransfersOptions {
  readonly node: NodeId;
  readonly cluster: string;
  readonly settings: TransferSettings;
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly limits: Limits;
  readonly tickMs: number;
  readonly groups: Groups;
  readonly checkpoints: Checkpoints;
  readonly writer: JournalWriter;
  readonly stats: Stats;
  readonly log: EventLog;
  isConnected(node: NodeId): boolean;
  send(group: number, to: NodeId, message: TransferMessage): void;
  fail(reason: FailReason): void;
}

/** State transfers of a node: which groups take one, and what others ask for. Partitions alone: metadata is small. */
export class Transfers {
  readonly #options: TransfersOptions;
  readonly #serve: ServeTransfers;
  readonly #chunkBytes: number;
  readonly #ops: number;
  readonly #active = new Map<HostedGroup, GroupTransfer>();
  /** Those of them whose manifest is known. */
  readonly #started = new Set<HostedGroup>();
  /** Groups that rest until this tick. */
  readonly #resting = new Map<HostedGroup, number>();
  /** Groups that may have staged files, with the tick since when they need none. */
  readonly #leftovers = new Map<HostedGroup, number>();
  readonly #seen = new WeakSet<HostedGroup>();
  #tick = 0;
  #turn = 0;
  #installing = false;

  constructor(options: TransfersOptions) {
    this.#options = options;
    const { disk, checksums, limits, stats, log, settings, checkpoints } = options;
    this.#ops = settings.ops ?? TRANSFER_OPS;
    this.#chunkBytes = settings.chunkBytes ?? Math.min(CHUNK_BYTES, limits.frameBytesMax / 2);
    const send = options.send.bind(options);
    const chunkBytes = this.#chunkBytes;
    this.#serve = new ServeTransfers({ disk, checksums, limits, checkpoints, chunkBytes, stats, log, send });
  }

  /** Transfers under way. */
  get size(): number {
    return this.#active.size;
  }

  /** A message of another node about one of its groups. */
  message(id: number, from: NodeId, message: TransferMessage): void {
    const group = this.#options.groups.get(id);
    if (group === undefined || !group.identity.members.includes(from)) return;
    switch (message.type) {
      case 'getManifest':
        this.#serve.getManifest(group, from, message.above);
        return;
      case 'manifest':
        this.#active.get(group)?.manifest(from, message.body);
        return;
      case 'getChunk':
        this.#serve.getChunk(group, from, message.place);
        return;
      case 'chunk':
        this.#active.get(group)?.chunk(from, message.place, message.body);
        return;
    }
  }

  tick(): void {
    this.#tick++;
    for (const transfer of this.#active.values()) transfer.tick();
    for (const group of this.#options.groups.all()) {
      if (!this.#seen.has(group)) {
        this.#seen.add(group);
        this.#leftovers.set(group, this.#tick);
      }
      this.consider(group);
    }
    if (this.#leftovers.size > 0) this.#tidy();
  }

  /** At the end of a turn in which the replica was stepped: it may have learned how far behind it is. */
  consider(group: HostedGroup): void {
    if (group.id === 0 || group.deleted || this.#active.has(group)) return;
    if (group.replica.opsBehind >= this.#ops) this.#begin(group);
  }

  #begin(group: HostedGroup): void {
    if (this.#active.size >= TRANSFERS_MAX || this.#tick < (this.#resting.get(group) ?? 0)) return;
    this.#resting.delete(group);
    const { disk, checksums, cluster, tickMs, stats, log, isConnected } = this.#options;
    const turn = this.#turn++;
    // The members in turn, so that two transfers do not begin with the same one.
    const peers = () => {
      const others = group.identity.members.filter((id) => id !== this.#options.node && isConnected(id));
      return others.map((_, at) => others[(at + turn) % others.length] as NodeId);
    };
    if (peers().length === 0) return;
    const transfer = new GroupTransfer(group, {
      disk,
      checksums,
      cluster,
      leaves: this.#serve.leavesOf(group),
      chunkBytes: this.#chunkBytes,
      tickMs,
      opsMin: Math.ceil(this.#ops / 2),
      peers,
      send: (to, message) => this.#options.send(group.id, to, message),
      hold: (on) => this.#hold(group, on),
      begun: ({ op }) => {
        this.#started.add(group);
        this.#leftovers.set(group, this.#tick);
        stats.transfersStarted++;
        const { commitMin } = group.replica.state;
        log.event('info', 'transfer.started', { group: group.id, op, commit: commitMin });
      },
      install: (staged) => this.#install(group, staged),
      ended: (why) => this.#ended(group, why),
      diskFailed: (message) => this.#options.fail({ code: 'diskFailed', message }),
    });
    this.#active.set(group, transfer);
    transfer.begin();
  }

  /** A checkpoint that is under way would write the state of a replica that is being replaced: one waits for the other. */
  #install(group: HostedGroup, staged: StagedTransfer): void {
    const { checkpoints, stats, log, fail, writer } = this.#options;
    if (this.#installing) return;
    const release = checkpoints.hold();
    if (release === null) return;
    this.#installing = true;
    log.event('debug', 'transfer.verified', { group: group.id, op: staged.manifest.op });
    const { fetchedBytes, keptBytes, manifest } = staged;
    const from = group.replica.state.commitMin;
    installTransfer(group, staged, (outcome, error) => {
      this.#installing = false;
      if (error !== null) {
        fail({ code: 'diskFailed', message: error.message });
        return;
      }
      if (outcome === 'refused') {
        release();
        this.#ended(group, 'damaged');
        return;
      }
      this.#active.delete(group);
      this.#started.delete(group);
      stats.transfersFinished++;
      stats.transferBytesFetched += fetchedBytes;
      stats.transferBytesKept += keptBytes;
      const fields = { group: group.id, from, op: manifest.op, fetchedBytes, keptBytes };
      log.event('info', 'transfer.finished', fields);
      // The promise said again behind a checkpoint at this op: what older files hold of the group may go. No matter if
      // there is no room for it, the next checkpoint says it too.
      if (!group.deleted) {
        // What it holds above that op goes first: replay does not get across ops that come behind the promise which
        // builds on them.
        group.settle();
        const write = { prepares: [], state: group.stateRecord(), checkpoint: manifest.op };
        writer.appendReserved(group.id, write, (ok) => {
          if (!ok) fail({ code: 'diskFailed', message: 'the journal can not be written' });
        });
      }
      release();
    });
  }

  #ended(group: HostedGroup, why: TransferEnd): void {
    const { stats, log, tickMs } = this.#options;
    this.#active.delete(group);
    this.#resting.set(group, this.#tick + Math.ceil(REST_MS / tickMs));
    if (this.#started.delete(group)) {
      stats.transfersFailed++;
      log.event('warn', 'transfer.failed', { group: group.id, reason: why });
    }
    this.#hold(group, false);
  }

  #hold(group: HostedGroup, on: boolean): void {
    if (group.replica.state.transferring !== on) group.step({ type: 'transferring', on });
  }

  /** Removes staged files of groups that have needed none for a while. */
  #tidy(): void {
    const { tickMs } = this.#options;
    for (const [group, since] of this.#leftovers) {
      if (group.deleted) {
        this.#leftovers.delete(group);
        continue;
      }
      const { opsBehind, state } = group.replica;
      if (this.#active.has(group) || opsBehind >= this.#ops || state.status !== 'normal') {
        this.#leftovers.set(group, this.#tick);
      } else if ((this.#tick - since) * tickMs >= LEFTOVERS_MS) {
        this.#leftovers.delete(group);
        this.#removeStaged(group);
      }
    }
  }

  #removeStaged({ id }: HostedGroup): void {
    const { disk, fail } = this.#options;
    const directory = `groups/${id}`;
    let names: readonly string[] = [];
    try {
      names = disk.list(directory);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // A group that has written nothing yet has no directory.
      if (error.code !== 'notFound') fail({ code: 'diskFailed', message: error.message });
    }
    for (const name of names.filter(isStaged)) {
      disk.remove(`${directory}/${name}`, (error) => {
        if (error !== null) fail({ code: 'diskFailed', message: error.message });
      });
    }
  }
}
