import { LANE_WINDOW, type Lane, type LaneEntry } from './lane.ts';

/**
 * The committed lanes of a partition, at most `lanesMax`. The Map's order is the order of last use by op: an
 * applied batch moves its lane to the end, and the first is evicted when a new one needs the room. So eviction
 * is a function of the log, the same on every replica; it is not a matter of any clock.
 */
export class LaneTable {
  readonly #lanes = new Map<number, Lane>();
  readonly #lanesMax: number;
  /**
   * The highest producer id ever evicted here, 0 if none. An unknown id up to it may be one that was forgotten,
   * with batches in the log: it must not begin again at sequence 0.
   */
  evictedMax = 0;

  /** @param lanesMax the same on every replica: it is in the partition's creation record. */
  constructor(lanesMax: number) {
    this.#lanesMax = lanesMax;
  }

  get size(): number {
    return this.#lanes.size;
  }

  get lanesMax(): number {
    return this.#lanesMax;
  }

  get(producerId: number): Lane | undefined {
    return this.#lanes.get(producerId);
  }

  /** From the least to the most recently used. */
  values(): IterableIterator<Lane> {
    return this.#lanes.values();
  }

  /** Takes in a committed batch. What is in the log is not judged any more. */
  record(producerId: number, entry: LaneEntry): void {
    let lane = this.#lanes.get(producerId);
    if (lane === undefined) {
      lane = { producerId, epoch: entry.epoch, lastSequence: entry.sequence, lastOp: entry.op, window: [] };
      this.#makeRoom();
    } else {
      this.#lanes.delete(producerId);
      if (entry.epoch !== lane.epoch) lane.window.length = 0;
      else if (lane.window.length === LANE_WINDOW) lane.window.shift();
      lane.epoch = entry.epoch;
      lane.lastSequence = entry.sequence;
      lane.lastOp = entry.op;
    }
    lane.window.push(entry);
    this.#lanes.set(producerId, lane);
  }

  /** Puts a lane of a snapshot at the end. */
  load(lane: Lane): void {
    this.#lanes.set(lane.producerId, lane);
  }

  #makeRoom(): void {
    if (this.#lanes.size < this.#lanesMax) return;
    const [oldest] = this.#lanes.keys();
    if (oldest === undefined) return;
    this.#lanes.delete(oldest);
    this.evictedMax = Math.max(this.evictedMax, oldest);
  }
}
