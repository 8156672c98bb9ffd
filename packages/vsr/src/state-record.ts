import type { Checksum, PrepareHeader } from '@vireo/protocol';
import type { NodeId } from './quorums.ts';

/**
 * Why a replica may not vote, ack or lead: it can not know all that it acked. `amnesiac`: acked bodies were in memory
 * alone. `recoveringHead`: the end of its log, or what followed it, was damaged.
 */
export type Verdict = 'none' | 'amnesiac' | 'recoveringHead';

/** A cold start that this replica has agreed to: it takes no part in its present epoch any more. */
export interface ColdStartGrant {
  readonly epoch: number;
  readonly view: number;
  /** Who starts that epoch, from its own log. */
  readonly to: NodeId;
}

/**
 * The durable promise of a replica: the view it has joined, the view whose log it holds, and the headers of
 * that log above what is known to be committed, with what its DoViewChange said of each. Durable before any
 * frame names the view: without it one crash forgets a promise and an acked op is lost (erratum E3).
 */
export interface StateRecord {
  readonly epoch: number;
  readonly view: number;
  readonly logView: number;
  /** How often this group's log was cut to what was left of it (cold start). Ranks logs before anything else. */
  readonly lossEpoch: number;
  /** Acked bodies may be held here that are not durable: found set at a start, the replica is amnesiac. */
  readonly mark: boolean;
  /** Stands over restarts, clean ones too, until a StartView with a nonce of that run ends it. */
  readonly verdict: Verdict;
  readonly grant: ColdStartGrant | null;
  readonly commitMax: number;
  readonly anchorOp: number;
  readonly anchorChecksum: Checksum;
  readonly headers: readonly PrepareHeader[];
  readonly present: readonly boolean[];
  readonly nack: readonly boolean[];
  /** One a header: the body was held here and is lost; it may have been acked, so it is never nacked. */
  readonly faulty: readonly boolean[];
  /** Said again, for a younger journal file: the log below it in the journal is as it should be, nothing is cut. */
  readonly copied?: boolean;
}

/** Op of the head that a record names. */
export function recordHead(record: StateRecord): number {
  return record.anchorOp + record.headers.length;
}
