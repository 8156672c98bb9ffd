import type { Checksums } from '@vireo/protocol';
import {
  type ChunkPlace,
  type Disk,
  decodeManifest,
  type LeafCache,
  type Manifest,
  StagedTransfer,
  type StorageError,
} from '@vireo/storage';
import type { NodeId } from '@vireo/vsr';
import type { HostedGroup } from '../hosted-group.ts';
import type { TransferMessage } from './transfer-message.ts';

/** Chunks of one transfer that are asked for at once, each of another member if there are others. */
const CHUNKS_MAX = 4;
/** Wait for a manifest, which may take the sender a look at all that it has, and for a chunk. Milliseconds. */
const MANIFEST_MS = 1_000;
const CHUNK_MS = 1_000;
/** Questions in a row that brought nothing, until the transfer is given up. */
const FRUITLESS_MAX = 12;

export interface GroupTransferOptions {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly cluster: string;
  readonly leaves: LeafCache;
  readonly chunkBytes: number;
  readonly tickMs: number;
  /** A checkpoint that brings fewer ops than this is not worth it. */
  readonly opsMin: number;
  /** Members that can be asked at present; the first of them is asked for the manifest. */
  peers(): readonly NodeId[];
  send(to: NodeId, message: TransferMessage): void;
  /** Whether repair op by op waits for what the transfer brings. */
  hold(on: boolean): void;
  /** The manifest fits and chunks are about to be fetched. */
  begun(manifest: Manifest): void;
  /** Installs what is complete and verified. */
  install(staged: StagedTransfer): void;
  ended(why: TransferEnd): void;
  diskFailed(message: string): void;
}

/** How a transfer comes to an end before it is installed. `none`: nobody has a checkpoint that is worth it. */
export type TransferEnd = 'none' | 'silence' | 'damaged' | 'noSpace' | 'notNeeded';

interface Asked {
  readonly place: ChunkPlace;
  readonly to: NodeId;
  readonly tick: number;
}

/**
 * One transfer on the receiving side: asks a member for its manifest, compares, fetches what differs from all members by
 * turns, verifies. The snapshot is the sender's own, so its chunks come from there; segments are the same on all.
 */
export class GroupTransfer {
  readonly group: HostedGroup;
  readonly #options: GroupTransferOptions;
  #phase: 'asking' | 'working' | 'fetching' | 'ready' | 'ended' = 'asking';
  #tick = 0;
  #askedTick = 0;
  #from: NodeId = -1;
  #turn = 0;
  #fruitless = 0;
  #staged: StagedTransfer | null = null;
  #asked: Asked[] = [];
  /** Members that do not hold a segment of the manifest yet. */
  readonly #lacking = new Set<NodeId>();

  constructor(group: HostedGroup, options: GroupTransferOptions) {
    this.group = group;
    this.#options = options;
  }

  begin(): void {
    this.#options.hold(true);
    this.#askManifest();
  }

  /** Asks the next member. */
  #askManifest(): void {
    const peers = this.#options.peers();
    const to = peers[this.#turn++ % Math.max(1, peers.length)];
    this.#phase = 'asking';
    this.#askedTick = this.#tick;
    if (to === undefined || this.#fruitless > FRUITLESS_MAX) {
      this.#end('silence');
      return;
    }
    this.#from = to;
    const { commitMin } = this.group.replica.state;
    this.#options.send(to, { type: 'getManifest', above: commitMin + this.#options.opsMin - 1 });
  }

  tick(): void {
    this.#tick++;
    const { tickMs } = this.#options;
    const isStill = this.#phase === 'asking' || this.#phase === 'fetching';
    // It has got on without, or has no use of it any more: a deleted group, a replica that stops.
    if (isStill && !this.#isNeeded()) {
      this.#end('notNeeded');
    } else if (this.#phase === 'asking') {
      if ((this.#tick - this.#askedTick) * tickMs < MANIFEST_MS) return;
      this.#fruitless++;
      // Whoever is asked may have much to read first: op by op is better than nothing until then.
      this.#options.hold(false);
      this.#askManifest();
    } else if (this.#phase === 'fetching') {
      for (const asked of [...this.#asked]) {
        if ((this.#tick - asked.tick) * tickMs >= CHUNK_MS) this.#missed(asked);
      }
      this.#fetch();
    } else if (this.#phase === 'ready' && this.#staged !== null) {
      this.#options.install(this.#staged);
    }
  }

  #isNeeded(): boolean {
    const { deleted, replica } = this.group;
    return (
      !deleted &&
      replica.opsBehind > 0 &&
      (this.#staged?.manifest.op ?? replica.op + 1) > replica.state.commitMin
    );
  }

  manifest(from: NodeId, body: Buffer | null): void {
    if (this.#phase !== 'asking' || from !== this.#from) return;
    const { checksums, chunkBytes, opsMin } = this.#options;
    const { replica, id, log } = this.group;
    if (body === null) {
      // Each is asked once.
      if (this.#turn >= this.#options.peers().length) this.#end('none');
      else this.#askManifest();
      return;
    }
    const read = decodeManifest(body, checksums);
    const manifest = read.ok ? read.value : null;
    const fits =
      manifest !== null &&
      manifest.group === id &&
      manifest.chunkBytes === chunkBytes &&
      manifest.op >= replica.state.commitMin + opsMin &&
      replica.takesCheckpoint(manifest, manifest.lossEpoch);
    if (!fits) {
      this.manifest(from, null);
      return;
    }
    this.#phase = 'working';
    this.#lacking.clear();
    this.#options.hold(true);
    this.#options.begun(manifest);
    const { disk, cluster, leaves } = this.#options;
    const staged = new StagedTransfer({ disk, checksums, cluster, log, leaves }, manifest);
    this.#staged = staged;
    staged.compare((error) => {
      if (this.#failed(error)) return;
      this.#phase = 'fetching';
      this.#fetch();
    });
  }

  /** Asks for as many chunks as may be under way. */
  #fetch(): void {
    const staged = this.#staged;
    if (this.#phase !== 'fetching' || staged === null) return;
    if (staged.complete) {
      this.#phase = 'working';
      staged.verify((error) => {
        if (!this.#failed(error)) this.#phase = 'ready';
      });
      return;
    }
    if (this.#fruitless > FRUITLESS_MAX) {
      this.#end('silence');
      return;
    }
    while (this.#asked.length < CHUNKS_MAX) {
      const place = staged.next();
      if (place === null) return;
      const to = this.#sourceOf(place);
      if (to === null) {
        staged.giveBack(place);
        this.#fruitless++;
        return;
      }
      this.#asked.push({ place, to, tick: this.#tick });
      this.#options.send(to, { type: 'getChunk', place });
    }
  }

  #sourceOf({ baseOp }: ChunkPlace): NodeId | null {
    const peers = this.#options.peers();
    if (baseOp === 0) return peers.includes(this.#from) ? this.#from : null;
    const holding = peers.filter((peer) => !this.#lacking.has(peer));
    return holding[this.#turn++ % Math.max(1, holding.length)] ?? null;
  }

  chunk(from: NodeId, place: ChunkPlace, body: Buffer | null): void {
    const staged = this.#staged;
    const asked = this.#asked.find(
      ({ to, place: { op, baseOp, index } }) =>
        to === from && op === place.op && baseOp === place.baseOp && index === place.index,
    );
    if (this.#phase !== 'fetching' || staged === null || asked === undefined) return;
    if (body === null) {
      this.#missed(asked);
      if (place.baseOp === 0) {
        // A later checkpoint has taken its place there. What is staged of the segments stays of use.
        this.#restart();
        return;
      }
      this.#lacking.add(from);
      this.#fetch();
      return;
    }
    this.#asked = this.#asked.filter((each) => each !== asked);
    staged.take(asked.place, body, (error, taken) => {
      if (this.#failed(error)) return;
      if (taken === 'kept') {
        this.#fruitless = 0;
      } else {
        staged.giveBack(asked.place);
        this.#fruitless++;
      }
      this.#fetch();
    });
  }

  #missed(asked: Asked): void {
    this.#asked = this.#asked.filter((each) => each !== asked);
    this.#staged?.giveBack(asked.place);
    this.#fruitless++;
  }

  /** Another manifest; chunks that are under way are not waited for. */
  #restart(): void {
    this.#staged = null;
    this.#asked = [];
    this.#askManifest();
  }

  #failed(error: StorageError | null): boolean {
    if (this.#phase === 'ended') return true;
    if (error === null) return false;
    if (error.code !== 'diskFailed') this.#end('damaged');
    else if (error.cause?.code === 'noSpace') this.#end('noSpace');
    else this.#options.diskFailed(error.message);
    return true;
  }

  #end(why: TransferEnd): void {
    if (this.#phase === 'ended') return;
    this.#phase = 'ended';
    this.#options.ended(why);
  }
}
