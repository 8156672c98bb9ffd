import type { Checksum, Prepare, PrepareHeader } from '@vireo/protocol';
import type { Mode } from './mode.ts';
import type { StateRecord } from './state-record.ts';
import { recordHead } from './state-record.ts';

/** What the journal holds of one group, in the order in which it became durable. */
export type ReplayItem =
  | { readonly type: 'prepare'; readonly prepare: Prepare }
  | { readonly type: 'state'; readonly record: StateRecord }
  /**
   * Prepares of these ops were durable here and can not be read; `lastChecksum` is that of the last one. `header`: of a
   * single op, when only its body is damaged.
   */
  | {
      readonly type: 'faulty';
      readonly firstOp: number;
      readonly lastOp: number;
      readonly lastChecksum: Checksum;
      readonly header?: PrepareHeader | undefined;
    };

/** The op up to which the log is applied when the replica starts. Op 0 with the zero checksum: an empty log. */
export interface Checkpoint {
  readonly op: number;
  readonly checksum: Checksum;
  /** Timestamp of that op, µs; stamps of later ops are not below it. */
  readonly timestamp: number;
  /** As of that op. */
  readonly mode: Mode;
  /** As the log up to that op states it; 0: the log was never cut by a cold start. */
  readonly lossEpoch: number;
}

/** One op of the log above the checkpoint. */
interface RecoveredEntry {
  readonly header: PrepareHeader;
  /** null: the header is known; the body was never durable here, or, if `faulty`, it was and is lost. */
  readonly prepare: Prepare | null;
  readonly faulty: boolean;
}

/** What a replica starts from. */
export interface ReplicaRecovery {
  /** null: the group has just been created here, nothing was ever promised. */
  readonly record: StateRecord | null;
  readonly checkpoint: Checkpoint;
  /** The log above the checkpoint: contiguous, chained. */
  readonly entries: readonly RecoveredEntry[];
  /** The log went on behind `entries`, or may have: what stood there is damaged, and its headers are not known. */
  readonly headLost: boolean;
  /** Bodies of the journal that have no place in `entries`. */
  readonly salvaged: readonly Prepare[];
}

/**
 * Rebuilds the log of one group from its journal items above the checkpoint. A prepare that contradicts what
 * stands in its place replaces it and cuts what was above; a state record cuts what is above its head and what
 * contradicts its headers. A copy of one cuts nothing: a promise does not change while committed ops are fetched
 * in its view, and cutting those would leave what came in later above a gap. A body finds its header by checksum,
 * wherever it stands: bodies fetched for a new view are written together with the record that names them.
 *
 * Damage is never taken for absence (erratum E15). A damaged body whose header a record names is `faulty`. A header
 * that nothing names leaves the end of the log open, until a later record states the whole log anew.
 *
 * Returns null when the items do not follow from the checkpoint and no damage accounts for it: the state is unreadable.
 */
export function replayJournal(items: Iterable<ReplayItem>, checkpoint: Checkpoint): ReplicaRecovery | null {
  const log = new ReplayedLog(checkpoint);
  for (const item of items) {
    if (item.type === 'prepare') log.prepare(item.prepare);
    else if (item.type === 'faulty') log.damage(item.firstOp, item.lastOp, item.lastChecksum, item.header);
    else log.state(item.record);
  }
  return log.result();
}

class ReplayedLog {
  readonly #checkpoint: Checkpoint;
  readonly #bodies = new Map<Checksum, Prepare>();
  readonly #headers: PrepareHeader[] = [];
  /**
   * By the checksum of its parent: a prepare that became durable before those below it. A log that was told while the
   * mark was set begins with headers alone, new ops come on top, and the bodies between them are fetched meanwhile.
   */
  readonly #ahead = new Map<Checksum, PrepareHeader>();
  /** Bodies that were here, by what was said of them: durable ones, and such as may have been acked. */
  readonly #held = new Set<Checksum>();
  readonly #damagedOps = new Set<number>();
  #record: StateRecord | null = null;
  /** Ends of damaged ranges whose headers were not known then: unless the log has them after all, its end is not known. */
  readonly #lost: { readonly op: number; readonly checksum: Checksum }[] = [];
  // Only the last record has to follow from the checkpoint. A checkpoint copies promise and suffix forward as of a
  // state that its snapshot is to cover; a crash before that snapshot leaves them above a gap, until the next
  // checkpoint copies everything anew, from the older state, and lets the files that filled the gap go.
  #isReached = true;

  constructor(checkpoint: Checkpoint) {
    this.#checkpoint = checkpoint;
  }

  prepare(prepare: Prepare): void {
    this.#bodies.set(prepare.header.checksum, prepare);
    this.#put(prepare.header);
  }

  damage(firstOp: number, lastOp: number, lastChecksum: Checksum, header?: PrepareHeader): void {
    const { op } = this.#checkpoint;
    if (lastOp <= op) return;
    const first = Math.max(firstOp, op + 1);
    for (let damaged = first; damaged <= lastOp; damaged++) this.#damagedOps.add(damaged);
    if (header !== undefined) {
      this.#held.add(header.checksum);
      this.#put(header);
    }
    // A copy of what stands here already: a chain that ends alike is alike below.
    if (this.#checksumOf(lastOp) === lastChecksum) return;
    this.#headers.length = Math.min(this.#headers.length, first - op - 1);
    this.#lost.push({ op: lastOp, checksum: lastChecksum });
  }

  state(record: StateRecord): void {
    this.#record = record;
    this.#isReached = true;
    // Such a replica was to be told the log: what it holds is a help, not a promise.
    if (record.verdict !== 'none' || record.mark) return;
    const { copied } = record;
    record.headers.forEach((header, i) => {
      if (record.present[i] === true || record.faulty[i] === true) this.#held.add(header.checksum);
      if (!copied || header.op === this.#head + 1) this.#put(header);
    });
    if (!copied) this.#ahead.clear();
    const head = recordHead(record);
    const { op } = this.#checkpoint;
    if (!copied && this.#head > head && head >= op) this.#headers.length = head - op;
    this.#isReached = this.#head >= head || this.#isSuperseded(record);
    const headChecksum = record.headers.at(-1)?.checksum ?? record.anchorChecksum;
    // The whole log, stated anew: whatever was lost behind its head had been cut by then.
    if (!copied && this.#head === head && this.#checksumOf(head) === headChecksum) this.#lost.length = 0;
  }

  result(): ReplicaRecovery | null {
    const isDamaged = this.#damagedOps.size > 0;
    if (!this.#isReached && !isDamaged) return null;
    const entries = this.#headers.map((header): RecoveredEntry => {
      const prepare = this.#bodies.get(header.checksum) ?? null;
      const wasHere = this.#held.has(header.checksum) || this.#damagedOps.has(header.op);
      return { header, prepare, faulty: prepare === null && wasHere };
    });
    const placed = new Set(this.#headers.map(({ checksum }) => checksum));
    const salvaged = [...this.#bodies.values()].filter(
      ({ header }) => header.op > this.#checkpoint.op && !placed.has(header.checksum),
    );
    // Copies behind the damage may say what it took: a chain that ends alike is alike below.
    const isOpen = this.#lost.some((end) => this.#checksumOf(end.op) !== end.checksum);
    const headLost = isOpen || !this.#isReached;
    return { record: this.#record, checkpoint: this.#checkpoint, entries, headLost, salvaged };
  }

  get #head(): number {
    return this.#checkpoint.op + this.#headers.length;
  }

  #checksumOf(op: number): Checksum | undefined {
    const { op: base, checksum } = this.#checkpoint;
    return op === base ? checksum : this.#headers[op - base - 1]?.checksum;
  }

  #put(header: PrepareHeader): void {
    const { op } = this.#checkpoint;
    if (header.op <= op) return;
    if (header.op > this.#head + 1) {
      this.#ahead.set(header.parent, header);
      return;
    }
    if (this.#checksumOf(header.op) === header.checksum || this.#checksumOf(header.op - 1) !== header.parent)
      return;
    this.#headers.length = header.op - op - 1;
    let next: PrepareHeader | undefined = header;
    while (next !== undefined) {
      this.#headers.push(next);
      this.#ahead.delete(next.parent);
      next = this.#ahead.get(next.checksum);
    }
  }

  // A promise keeps what it said while repair replaces a tail that no quorum held. A log that was taken up with its
  // view is never contradicted.
  #isSuperseded({ view, logView, headers }: StateRecord): boolean {
    return (
      view > logView &&
      headers.some(
        ({ op, checksum }) =>
          op >= this.#checkpoint.op && op <= this.#head && this.#checksumOf(op) !== checksum,
      )
    );
  }
}
