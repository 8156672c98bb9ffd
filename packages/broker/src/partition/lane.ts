/**
 * A lane is one producer id in one partition: its epoch, its last sequence, and what became of its last batches,
 * so that a repeated attempt is answered instead of stored twice.
 */

/** Committed batches that a lane remembers. At least the batches in flight, or a retry could fall out of it. */
export const LANE_WINDOW = 32;

/** One batch of a lane, as it lies in the log. */
export interface LaneEntry {
  readonly epoch: number;
  readonly sequence: number;
  readonly op: number;
  /** Offset of its first record. */
  readonly offset: number;
  readonly count: number;
  /** Log time, µs since 1970. */
  readonly timestamp: number;
  /** The batch's own CRC-32: the same sequence with another one is other content. */
  readonly crc: number;
}

/** A lane as of the last applied op: derived from the log alone, so equal on all replicas at the same op. */
export interface Lane {
  readonly producerId: number;
  epoch: number;
  lastSequence: number;
  /** The op of its last batch: lanes are evicted in the order of this. */
  lastOp: number;
  /** The last batches of the present epoch, oldest first, with sequences without gaps; at most LANE_WINDOW. */
  readonly window: LaneEntry[];
}

/** Where the batches of a lane ended. */
export interface LanePosition {
  readonly epoch: number;
  readonly lastSequence: number;
}

/** What the lane says of an attempt. */
export type LaneVerdict = 'next' | 'repeated' | 'fenced' | 'gap';

/**
 * Judges an attempt by where the lane ends at the head (null: no such lane there). A higher epoch, and a new
 * lane, begin at sequence 0: whatever else was sent in it before must have been seen first, or order is lost.
 */
export function judgeAttempt(lane: LanePosition | null, epoch: number, sequence: number): LaneVerdict {
  if (lane === null || epoch > lane.epoch) return sequence === 0 ? 'next' : 'gap';
  if (epoch < lane.epoch) return 'fenced';
  if (sequence <= lane.lastSequence) return 'repeated';
  return sequence === lane.lastSequence + 1 ? 'next' : 'gap';
}
