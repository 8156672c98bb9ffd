import type { Checkpoints } from './checkpoint.ts';
import type { Groups } from './groups.ts';
import type { HostedGroup } from './hosted-group.ts';

/** Logs that are synced at once: each sync takes a thread of the disk's pool. */
const PARALLEL = 4;
/** Ticks between two looks for groups that need a checkpoint. */
const LOOK_TICKS = 5;

interface MemoryUpkeepOptions {
  readonly groups: Groups;
  readonly checkpoints: Checkpoints;
  readonly tickMs: number;
  /** Between two syncs of what was committed in mode `memory`. Milliseconds. */
  readonly flushIntervalMs: number;
  /** Between two checkpoints of groups in mode `memory`. Milliseconds. */
  readonly checkpointIntervalMs: number;
  /** Bytes that such groups have applied beyond their checkpoints, all together, that start one before its time. */
  readonly everyBytes: number;
}

/**
 * What groups in mode `memory` need of the disk: their ops are in no journal, so the segments are synced at an
 * interval, which bounds what a power cut of all replicas takes; and checkpoints are made by time and bytes, since
 * the journal, which starts those of the others, does not grow by them. Both bounds are of the node.
 */
export class MemoryUpkeep {
  readonly #options: MemoryUpkeepOptions;
  readonly #flushTicks: number;
  readonly #checkpointTicks: number;
  /** Groups whose turn of the present interval has not come. */
  #queue: HostedGroup[] = [];
  #syncing = 0;
  #tick = 0;
  #checkpointTick = 0;

  constructor(options: MemoryUpkeepOptions) {
    this.#options = options;
    this.#flushTicks = Math.max(1, Math.ceil(options.flushIntervalMs / options.tickMs));
    this.#checkpointTicks = Math.max(1, Math.ceil(options.checkpointIntervalMs / options.tickMs));
  }

  tick(): void {
    this.#tick++;
    // A disk that needs longer than the interval is not asked for more: the next one begins when this one is over.
    if (this.#tick % this.#flushTicks === 0 && this.#queue.length === 0) {
      for (const group of this.#options.groups.all()) {
        if (group.mode === 'memory' && group.syncedOp < group.log.endOp) this.#queue.push(group);
      }
    }
    while (this.#syncing < PARALLEL && this.#next());
    if (this.#tick % LOOK_TICKS === 0) this.#checkpoint();
  }

  #next(): boolean {
    const group = this.#queue.shift();
    if (group === undefined) return false;
    if (group.deleted) return true;
    this.#syncing++;
    group.syncLog(() => {
      this.#syncing--;
      while (this.#syncing < PARALLEL && this.#next());
    });
    return true;
  }

  /** A checkpoint of the groups that wait for one, or of all in mode `memory` when it is time. */
  #checkpoint(): void {
    const { groups, checkpoints, everyBytes } = this.#options;
    if (checkpoints.running) return;
    const due = new Set<HostedGroup>();
    let bytes = 0;
    for (const group of groups.all()) {
      if (group.replica.wantsCheckpoint) due.add(group);
      if (group.mode === 'memory') bytes += group.bytesBeyond;
    }
    if (bytes >= everyBytes || this.#tick - this.#checkpointTick >= this.#checkpointTicks) {
      this.#checkpointTick = this.#tick;
      for (const group of groups.all()) {
        const { commitMin } = group.replica.state;
        if (group.mode === 'memory' && commitMin !== group.checkpointOp) due.add(group);
      }
    }
    if (due.size > 0) checkpoints.startFor(due);
  }
}
