/** How far a search goes. Within these bounds it is complete. */
export interface Bounds {
  readonly mode: 'disk' | 'memory';
  /** Client ops, prepared in any view. */
  readonly ops: number;
  /** Views beside the first, view 0: nobody goes beyond view `views` − 1. */
  readonly views: number;
  /** Crashes in all, each followed by a restart at once: one that comes later is one that does nothing meanwhile. */
  readonly crashes: number;
  /** Clean shutdowns in all, each followed by a start. */
  readonly cleans: number;
  /** Commit numbers that backups learn from a heartbeat in all; others arrive with a vote or the start of a view. */
  readonly news: number;
  /** Writes under way at one node: what would start another waits for one to end. */
  readonly writes: number;
  /**
   * Whether things happen at a node between a step that nobody else sees and the end of its write. Without, such a write
   * ends at once: a crash before its end is a crash before the step. Writes of what others do see always take a while.
   */
  readonly slowDisk: boolean;
  /** Whether any two nodes must be able to go on without the third. */
  readonly live: boolean;
  /**
   * Whether states that differ in nothing which a later step could see count as one. Without, the same is searched in
   * more states: what the reductions are checked against.
   */
  readonly reduced: boolean;
  /** Judges by lost acked ops alone, and not by the rules that keep one from being lost. */
  readonly onlyAcked: boolean;
  /** Ends the search incomplete after so long, or with so many states. */
  readonly secondsMax: number;
  readonly statesMax: number;
}

/** The group that is explored. */
export const MEMBERS = [0, 1, 2] as const;
export const N = MEMBERS.length;

/** Who leads a view. */
export function primaryOfView(view: number): number {
  return view % N;
}

/** What a search covers unless it is told otherwise. */
export const defaultBounds: Bounds = {
  mode: 'disk',
  ops: 2,
  views: 3,
  crashes: 2,
  cleans: 0,
  news: 0,
  writes: 1,
  slowDisk: false,
  live: false,
  reduced: true,
  onlyAcked: false,
  secondsMax: 3_600,
  // Above what the searches with these bounds come to, in either mode; about 200 bytes each, with all that belongs to them.
  statesMax: 20_000_000,
};
