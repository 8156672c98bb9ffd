import type { Prepare } from '@vireo/protocol';
import type { Journal, JournalWrite } from '@vireo/storage';
import { assert } from '@vireo/vsr';

/** A group as the writer sees it: up to `checkpointOp` its segments and snapshot are durable. */
interface JournaledGroup {
  readonly id: number;
  readonly checkpointOp: number;
}

/** A write that the journal did not take yet. */
interface Waiting {
  readonly group: JournaledGroup;
  readonly write: JournalWrite;
  readonly done: (ok: boolean) => void;
}

/**
 * In front of the journal: cuts writes that are larger than its flushes like them, and keeps what it refuses
 * while it is full, in order. The bound is the replicas' own: a pipeline of ops per group, no more is prepared
 * until these are durable.
 */
export class JournalWriter {
  readonly #journal: Journal;
  readonly #pieceBytes: number;
  #waiting: Waiting[] = [];
  /** Bytes appended since the start. */
  appendedBytes = 0;

  /** `pieceBytes`: a write of several prepares is cut at about this many bytes. */
  constructor(journal: Journal, pieceBytes: number) {
    this.#journal = journal;
    this.#pieceBytes = pieceBytes;
  }

  /** Writes that wait for room in the journal. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Take in no more than has been taken in: the journal has only its reserve left. */
  get full(): boolean {
    return this.#waiting.length > 0 || this.#journal.pressure === 'full';
  }

  /**
   * As `Journal.append`, but always taken. `done` comes in the order of the calls. `checkpointOp` is the group's:
   * when the journal takes only what makes room, it is said again beside the prepares, which lets them pass into
   * the reserve. They are few, for nothing is taken in any more (`full`); but a promise that waits behind them
   * must not wait for room, or the group could never get on and make some.
   */
  append(group: JournaledGroup, write: JournalWrite, done: (ok: boolean) => void): void {
    const { prepares } = write;
    let first = 0;
    let bytes = 0;
    // All but the last piece are answered by nobody: answers come in order, so the last one speaks for all.
    for (let i = 0; i < prepares.length; i++) {
      const size = (prepares[i] as Prepare).header.size;
      if (i > first && bytes + size > this.#pieceBytes) {
        this.#push({ group, write: { prepares: prepares.slice(first, i) }, done: ignore });
        first = i;
        bytes = 0;
      }
      bytes += size;
    }
    const last = first === 0 ? write : { ...write, prepares: prepares.slice(first) };
    this.#push({ group, write: last, done });
  }

  /** Past everything that waits: for what makes room. Returns whether the journal took it. */
  appendReserved(group: number, write: JournalWrite, done: (ok: boolean) => void): boolean {
    return this.#journal.append(group, write, done);
  }

  /** Once a turn, before the flush: what waited, in order, as far as the journal takes it. */
  retry(): void {
    if (this.#waiting.length === 0) return;
    let taken = 0;
    for (; taken < this.#waiting.length; taken++) {
      const waiting = this.#waiting[taken] as Waiting;
      if (!this.#take(waiting) && !this.#skipCovered(waiting)) break;
    }
    this.#waiting.splice(0, taken);
    // Nothing waits inside and there is room: then it is the write that no file can take, and would block for ever.
    const stuck = taken === 0 && this.#journal.queuedBytes === 0 && this.#journal.pressure !== 'full';
    assert(!stuck, 'a write fits into a file of the journal', this.#waiting[0]?.group.id);
  }

  #push(waiting: Waiting): void {
    for (const prepare of waiting.write.prepares) this.appendedBytes += prepare.header.size;
    if (this.#waiting.length > 0 || !this.#take(waiting)) this.#waiting.push(waiting);
  }

  #take({ group, write, done }: Waiting): boolean {
    if (this.#journal.append(group.id, write, done)) return true;
    // Two pieces, half a file, stay for the copies of a checkpoint.
    const promises = Boolean(write.state) && write.prepares.length === 0;
    if (!promises && this.#journal.room < 2 * this.#pieceBytes) return false;
    return this.#journal.append(group.id, { ...write, checkpoint: group.checkpointOp }, done);
  }

  /**
   * Prepares that a snapshot has come to cover while they waited are durable without the journal. Said only when
   * all before them is answered: answers come in order.
   */
  #skipCovered({ group, write, done }: Waiting): boolean {
    if (write.state || this.#journal.busy || this.#journal.queuedBytes > 0) return false;
    if (write.prepares.some(({ header }) => header.op > group.checkpointOp)) return false;
    done(true);
    return true;
  }
}

function ignore(): void {}
