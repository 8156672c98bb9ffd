import type { Checksum, PrepareHeader } from '@vireo/protocol';

/**
 * The durable promise of a replica: the view it has joined, the view whose log it holds, and the headers of
 * that log above what is known to be committed, with what its DoViewChange said of each. Durable before any
 * frame names the view: without it one crash forgets a promise and an acked op is lost (erratum E3).
 */
export interface StateRecord {
  readonly epoch: number;
  readonly view: number;
  readonly logView: number;
  readonly commitMax: number;
  readonly anchorOp: number;
  readonly anchorChecksum: Checksum;
  readonly headers: readonly PrepareHeader[];
  readonly present: readonly boolean[];
  readonly nack: readonly boolean[];
  /** Said again, for a younger journal file: the log below it in the journal is as it should be, nothing is cut. */
  readonly copied?: boolean;
}

/** Op of the head that a record names. */
export function recordHead(record: StateRecord): number {
  return record.anchorOp + record.headers.length;
}
