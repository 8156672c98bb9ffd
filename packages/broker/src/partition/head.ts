import type { LaneEntry, LanePosition } from './lane.ts';
import type { LaneTable } from './lane-table.ts';

/** An uncommitted op, as far as the head needs it. `producerId` 0: no lane. */
interface PendingOp {
  readonly op: number;
  readonly nextOffset: number;
  readonly producerId: number;
  /** The lane that this op will evict when it is applied, 0 if none. */
  readonly evicts: number;
}

/** What uncommitted ops add to a lane. */
interface PendingLane {
  epoch: number;
  lastSequence: number;
  /** Its uncommitted batches, oldest first; the last ones are of `epoch`. */
  readonly entries: LaneEntry[];
}

/**
 * The state at the head of the log: what the committed state will be once the uncommitted suffix is applied.
 * Attempts are judged here, for judged by the committed state alone a retry of a batch in flight would be taken
 * in a second time. Kept as a difference to the committed state; a view change throws it away.
 */
export class Head {
  readonly #committed: LaneTable;
  #ops: PendingOp[] = [];
  readonly #lanes = new Map<number, PendingLane>();
  /** Lanes that uncommitted ops evict, in the order of eviction. */
  readonly #evicted = new Set<number>();

  constructor(committed: LaneTable) {
    this.#committed = committed;
  }

  /** Offset of the next record, or null when nothing is uncommitted. */
  get nextOffset(): number | null {
    return this.#ops.at(-1)?.nextOffset ?? null;
  }

  /** Uncommitted ops. */
  get length(): number {
    return this.#ops.length;
  }

  /** Where the lane ends, null if there is none (or an uncommitted op evicts it). */
  position(producerId: number): LanePosition | null {
    const pending = this.#lanes.get(producerId);
    if (pending !== undefined) return pending;
    if (this.#evicted.has(producerId)) return null;
    return this.#committed.get(producerId) ?? null;
  }

  /** Whether the lane exists in the committed state and an uncommitted op evicts it. */
  evicts(producerId: number): boolean {
    return this.#evicted.has(producerId);
  }

  /** As `LaneTable.evictedMax`, with the evictions of uncommitted ops. */
  get evictedMax(): number {
    let max = this.#committed.evictedMax;
    for (const id of this.#evicted) max = Math.max(max, id);
    return max;
  }

  /** The lane's uncommitted batches. */
  inFlight(producerId: number): number {
    return this.#lanes.get(producerId)?.entries.length ?? 0;
  }

  /** The batch with this sequence in the lane's present epoch; undefined if it is older than what is kept. */
  find(producerId: number, epoch: number, sequence: number): LaneEntry | undefined {
    const matches = (entry: LaneEntry) => entry.sequence === sequence && entry.epoch === epoch;
    return (
      this.#lanes.get(producerId)?.entries.findLast(matches) ??
      this.#committed.get(producerId)?.window.findLast(matches)
    );
  }

  /** Whether a new lane can come in: false when every lane has uncommitted batches, so that none may be evicted. */
  get hasRoom(): boolean {
    return this.#victim() !== null;
  }

  /** An op is prepared. `entry` null: an op without a lane. */
  push(op: number, nextOffset: number, producerId: number, entry: LaneEntry | null): void {
    let evicts = 0;
    if (entry !== null) {
      let lane = this.#lanes.get(producerId);
      if (lane === undefined) {
        if (this.#committed.get(producerId) === undefined) evicts = this.#victim() ?? 0;
        lane = { epoch: entry.epoch, lastSequence: entry.sequence, entries: [] };
        this.#lanes.set(producerId, lane);
      }
      lane.epoch = entry.epoch;
      lane.lastSequence = entry.sequence;
      lane.entries.push(entry);
      if (evicts !== 0) this.#evicted.add(evicts);
    }
    this.#ops.push({ op, nextOffset, producerId: entry === null ? 0 : producerId, evicts });
  }

  /** The op is applied: what it did is in the committed state now. */
  committed(op: number): void {
    while (this.#ops.length > 0 && this.#ops[0]!.op <= op) {
      const done = this.#ops.shift()!;
      if (done.evicts !== 0) this.#evicted.delete(done.evicts);
      const lane = done.producerId === 0 ? undefined : this.#lanes.get(done.producerId);
      if (lane === undefined) continue;
      lane.entries.shift();
      if (lane.entries.length === 0) this.#lanes.delete(done.producerId);
    }
  }

  clear(): void {
    this.#ops = [];
    this.#lanes.clear();
    this.#evicted.clear();
  }

  /**
   * The lane that a new one will push out, 0 if there is room, null if there is neither: the same choice that `LaneTable` makes when it
   * applies these ops. Lanes with uncommitted batches are used later than all others, so they are passed over.
   */
  #victim(): number | null {
    let size = this.#committed.size - this.#evicted.size;
    for (const id of this.#lanes.keys()) if (this.#committed.get(id) === undefined) size++;
    if (size < this.#committed.lanesMax) return 0;
    for (const { producerId } of this.#committed.values()) {
      if (!this.#lanes.has(producerId) && !this.#evicted.has(producerId)) return producerId;
    }
    return null;
  }
}
