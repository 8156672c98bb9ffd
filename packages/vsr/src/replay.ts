import type { Checksum, Prepare, PrepareHeader } from '@vireo/protocol';
import type { StateRecord } from './state-record.ts';
import { recordHead } from './state-record.ts';

/** What the journal holds of one group, in the order in which it became durable. */
export type ReplayItem =
  | { readonly type: 'prepare'; readonly prepare: Prepare }
  | { readonly type: 'state'; readonly record: StateRecord };

/** The op up to which segments and snapshot are durable. Op 0 with the zero checksum: an empty log. */
export interface Checkpoint {
  readonly op: number;
  readonly checksum: Checksum;
  /** Timestamp of that op, µs; stamps of later ops are not below it. */
  readonly timestamp: number;
}

/** What a replica starts from. */
export interface ReplicaRecovery {
  /** null: the group has just been created here, nothing was ever promised. */
  readonly record: StateRecord | null;
  readonly checkpoint: Checkpoint;
  /** The log above the checkpoint: contiguous, chained. `prepare` null: the header is known, the body was never durable. */
  readonly entries: readonly { readonly header: PrepareHeader; readonly prepare: Prepare | null }[];
}

/**
 * Rebuilds the log of one group from its journal items above the checkpoint. A prepare that contradicts what
 * stands in its place replaces it and cuts what was above; a state record cuts what is above its head and what
 * contradicts its headers. A copy of one cuts nothing: a promise does not change while committed ops are fetched
 * in its view, and cutting those would leave what came in later above a gap. A body finds its header by checksum,
 * wherever it stands: bodies fetched for a new view are written together with the record that names them.
 *
 * Returns null when the items do not follow from the checkpoint at all: the state is unreadable.
 */
export function replayJournal(items: Iterable<ReplayItem>, checkpoint: Checkpoint): ReplicaRecovery | null {
  const bodies = new Map<Checksum, Prepare>();
  const headers: PrepareHeader[] = [];
  let record: StateRecord | null = null;
  // Only the last record has to follow from the checkpoint. A checkpoint copies promise and suffix forward as of a
  // state that its snapshot is to cover; a crash before that snapshot leaves them above a gap, until the next
  // checkpoint copies everything anew, from the older state, and lets the files that filled the gap go.
  let isReached = true;

  const head = () => checkpoint.op + headers.length;
  const checksumOf = (op: number): Checksum | undefined =>
    op === checkpoint.op ? checkpoint.checksum : headers[op - checkpoint.op - 1]?.checksum;
  const put = (header: PrepareHeader): void => {
    if (header.op <= checkpoint.op || header.op > head() + 1) return;
    if (checksumOf(header.op) === header.checksum || checksumOf(header.op - 1) !== header.parent) return;
    headers.length = header.op - checkpoint.op - 1;
    headers.push(header);
  };

  // A promise keeps what it said while repair replaces a tail that no quorum held. A log that was taken up with its
  // view is never contradicted.
  const isSuperseded = ({ view, logView, headers: named }: StateRecord): boolean =>
    view > logView &&
    named.some(({ op, checksum }) => op >= checkpoint.op && op <= head() && checksumOf(op) !== checksum);

  for (const item of items) {
    if (item.type === 'prepare') {
      bodies.set(item.prepare.header.checksum, item.prepare);
      put(item.prepare.header);
      continue;
    }
    record = item.record;
    const { copied } = record;
    for (const header of record.headers) if (!copied || header.op === head() + 1) put(header);
    const recordedHead = recordHead(record);
    if (!copied && head() > recordedHead && recordedHead >= checkpoint.op)
      headers.length = recordedHead - checkpoint.op;
    isReached = head() >= recordedHead || isSuperseded(record);
  }
  if (!isReached) return null;
  return {
    record,
    checkpoint,
    entries: headers.map((header) => ({ header, prepare: bodies.get(header.checksum) ?? null })),
  };
}
