import type { Checksums, Limits } from '@vireo/protocol';
import {
  type ChunkPlace,
  type Disk,
  encodeManifest,
  LeafCache,
  MANIFEST_BYTES_MAX,
  type Manifest,
  manifestSize,
  type StorageError,
  TransferSource,
} from '@vireo/storage';
import type { NodeId } from '@vireo/vsr';
import type { Checkpoints } from '../checkpoint.ts';
import type { HostedGroup } from '../hosted-group.ts';
import type { Stats } from '../stats.ts';
import type { EventLog } from '../world.ts';
import { TRANSFER_FIXED_SIZE, type TransferMessage } from './transfer-message.ts';

/** Manifests that are made at once: each reads what was not read before, a chunk at a time. */
const MAKING_MAX = 2;
/** Chunks that are read at once, of the node and for one peer: a peer that asks for more is not answered. */
const READS_MAX = 8;
const READS_OF_PEER_MAX = 4;
/** Head and fixed part of a frame, with room to spare. Bytes. */
const FRAME_ROOM = 4096 + TRANSFER_FIXED_SIZE;

interface ServeOptions {
  readonly disk: Disk;
  readonly checksums: Checksums;
  readonly limits: Limits;
  readonly checkpoints: Checkpoints;
  readonly chunkBytes: number;
  readonly stats: Stats;
  readonly log: EventLog;
  send(group: number, to: NodeId, message: TransferMessage): void;
}

/** The files of a group, as they are handed out, and compared with those of others. */
interface Served {
  readonly leaves: LeafCache;
  readonly source: TransferSource;
  /** Who waits for the manifest that is being made; null: none is. */
  waiting: Map<NodeId, number> | null;
}

/** The side that gives: describes checkpoints and hands out chunks, to whoever asks, whatever the views of the two. */
export class ServeTransfers {
  readonly #options: ServeOptions;
  readonly #served = new WeakMap<HostedGroup, Served>();
  readonly #readsOf = new Map<NodeId, number>();
  #reads = 0;
  #making = 0;

  constructor(options: ServeOptions) {
    this.#options = options;
  }

  /** Of the group's own segments. */
  leavesOf(group: HostedGroup): LeafCache {
    return this.#of(group).leaves;
  }

  #of(group: HostedGroup): Served {
    const known = this.#served.get(group);
    if (known !== undefined) return known;
    const { disk, checksums, chunkBytes } = this.#options;
    const { log, snapshots } = group;
    const leaves = new LeafCache(disk, checksums, chunkBytes);
    const source = new TransferSource({ disk, checksums, log, snapshots, leaves });
    const served: Served = { leaves, source, waiting: null };
    this.#served.set(group, served);
    return served;
  }

  getManifest(group: HostedGroup, from: NodeId, above: number): void {
    const { commitMin, diverged } = group.replica.state;
    // A state that differs from the majority's is not passed on.
    if (commitMin <= above || diverged !== 'no') {
      this.#options.send(group.id, from, { type: 'manifest', above, body: null });
      return;
    }
    const served = this.#of(group);
    if (served.waiting !== null) {
      served.waiting.set(from, above);
      return;
    }
    if (this.#making === MAKING_MAX) return;
    this.#making++;
    served.waiting = new Map([[from, above]]);
    const { checkpoints } = this.#options;
    // The last one is of no use to whoever asks, and what is applied since is: so there is a new one.
    if (group.checkpointOp <= above) checkpoints.startFor([group]);
    checkpoints.whenDone(() => this.#make(group, served));
  }

  #make(group: HostedGroup, served: Served): void {
    const answer = (manifest: Manifest | null): void => {
      this.#making--;
      const waiting = served.waiting ?? new Map<NodeId, number>();
      served.waiting = null;
      const encoded = manifest === null ? null : this.#encode(group, manifest);
      for (const [to, above] of waiting) {
        const body = manifest !== null && manifest.op > above ? encoded : null;
        this.#options.send(group.id, to, { type: 'manifest', above, body });
      }
    };
    const end = group.checkpointEnd;
    if (end === null) {
      answer(null);
      return;
    }
    served.source.manifest(end, group.replica.lossEpoch, (error, manifest) => {
      if (error !== null) this.#readFailed(group, error);
      answer(manifest);
    });
  }

  #encode(group: HostedGroup, manifest: Manifest): Buffer | null {
    const { limits, checksums } = this.#options;
    const bytesMax = Math.min(MANIFEST_BYTES_MAX, limits.frameBytesMax - FRAME_ROOM);
    // It lags as it may: op by op.
    if (group.deleted || manifestSize(manifest) > bytesMax) return null;
    return encodeManifest(manifest, checksums);
  }

  getChunk(group: HostedGroup, from: NodeId, place: ChunkPlace): void {
    const ofPeer = this.#readsOf.get(from) ?? 0;
    if (this.#reads === READS_MAX || ofPeer === READS_OF_PEER_MAX) return;
    this.#reads++;
    this.#readsOf.set(from, ofPeer + 1);
    this.#of(group).source.chunk(place, (error, bytes) => {
      this.#reads--;
      this.#readsOf.set(from, (this.#readsOf.get(from) ?? 1) - 1);
      if (error !== null) this.#readFailed(group, error);
      if (bytes !== null) this.#options.stats.transferBytesServed += bytes.length;
      if (!group.deleted) this.#options.send(group.id, from, { type: 'chunk', place, body: bytes });
    });
  }

  #readFailed(group: HostedGroup, { code, message }: StorageError): void {
    this.#options.stats.readsFailed++;
    if (!group.deleted) this.#options.log.event('error', 'read.failed', { group: group.id, code, message });
  }
}
