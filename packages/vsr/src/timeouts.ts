/**
 * Every wait of a replica, in ticks (10 ms by default). Clocks and ticks decide when something is tried, never
 * whether it is safe.
 */
export interface Timeouts {
  /** Primary to backups: a sign of life and the commit number. */
  readonly ping: number;
  /** A backup suspects a primary that it has not heard for so long; `jitter` spreads the backups. */
  readonly suspicion: number;
  readonly suspicionJitter: number;
  /** A view change that is not through in `viewChange` × 1.5ⁿ ticks is suspected too; capped at `viewChangeMax`. */
  readonly viewChange: number;
  readonly viewChangeMax: number;
  /** First retransmission of a vote, of unacked prepares, of a repair request; doubled each time up to `retransmitMax`. */
  readonly retransmit: number;
  readonly retransmitMax: number;
  /** An uncommitted op that does not move for so long makes a backup suspect, and a primary stand back. */
  readonly progress: number;
  /** A StartViewChange counts for so long. */
  readonly suspectWindow: number;
  /** A higher view heard of is joined when its primary has not sent a StartView in this time. */
  readonly requestStartView: number;
}

export const DEFAULT_TIMEOUTS: Timeouts = {
  // A tenth of the suspicion time: several pings may be lost or late before anyone suspects.
  ping: 5,
  // Longer than a garbage collection or a slow fsync; a dead process is noticed by its connection instead.
  suspicion: 50,
  suspicionJitter: 15,
  // A view change is one fsync and two messages; the cap keeps a stuck group trying every five seconds.
  viewChange: 30,
  viewChangeMax: 500,
  retransmit: 10,
  retransmitMax: 100,
  progress: 100,
  // Longer than the repetition of StartViewChange, or two suspicions would miss each other.
  suspectWindow: 200,
  requestStartView: 20,
};
