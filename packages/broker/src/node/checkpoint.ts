import type { Prepare } from '@vireo/protocol';
import type { Disk, Journal, StorageError } from '@vireo/storage';
import type { Groups } from './groups.ts';
import type { HostedGroup } from './hosted-group.ts';
import type { JournalWriter } from './journal-writer.ts';
import type { Stats } from './stats.ts';
import type { EventLog, FailReason } from './world.ts';

/** Groups whose snapshots are written at once: each holds its snapshot in memory meanwhile. */
const PARALLEL = 4;
const REST_TURNS = 100;
/** A flush takes whole blocks; a state record and its index are within two. */
const FLUSH_BYTES_MIN = 2 * 4096;

interface CheckpointOptions {
  readonly disk: Disk;
  readonly journal: Journal;
  readonly writer: JournalWriter;
  readonly groups: Groups;
  readonly stats: Stats;
  readonly log: EventLog;
  /** Bytes appended to the journal that start a checkpoint. */
  readonly everyBytes: number;
  /** A copy of prepares is cut into writes of about so many bytes. */
  readonly pieceBytes: number;
  fail(reason: FailReason): void;
}

/** A checkpoint under way. */
interface Run {
  /** Files of the journal below this one are to be reused. */
  readonly boundary: number;
  /** There are files to release. */
  readonly releases: boolean;
  readonly queue: HostedGroup[];
  /** Steps that are not finished: copies in the journal, groups. */
  pending: number;
  done: () => void;
}

/**
 * Lets the journal be reused. In one turn it notes which file is being written now, and copies into it what older
 * files alone hold and no snapshot will cover: the newest promises and the uncommitted prepares. Then, group by
 * group, segments are synced up to commitMin and the state at exactly that op is written; the journal is told,
 * and when all of it is durable the older files are released. A crash at any point leaves either the old files
 * or everything that replaces them.
 */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  #run: Run | null = null;
  #appendedBefore = 0;
  #failed = false;
  #stopped = false;
  /** Turns to wait after an attempt that found no room. */
  #rest = 0;
  /** Turns that the first checkpoint of a start may yet wait until the groups have learned what is committed. */
  #patience = REST_TURNS;
  /** Attempts since the last release that found no room. */
  #fruitless = 0;

  constructor(options: CheckpointOptions) {
    this.#options = options;
  }

  get running(): boolean {
    return this.#run !== null;
  }

  /** Once a turn, after all replicas have settled: begins a checkpoint when one is due. */
  settle(): void {
    const { journal, writer, groups, everyBytes } = this.#options;
    if (this.#failed || this.#stopped || this.#rest-- > 0) return;
    this.#rest = 0;
    if (this.#run !== null || journal.oldestFile === journal.fileSequence) {
      // With one file alone, and no other to be had when it was due, there is nothing to release: a file is asked for
      // again. Also when nothing waits, for nothing would: while the journal is full, a primary takes nothing in.
      const isFull = writer.waiting > 0 || (journal.creationError !== null && journal.pressure === 'full');
      if (journal.stalled || (this.#run === null && isFull)) this.#foundNoRoom();
      return;
    }
    const due = writer.appendedBytes - this.#appendedBefore >= everyBytes || journal.pressure !== 'ok';
    if (!due) return;
    // Copied now, all that the journal held would be copied, and again after each crash that comes before the release.
    if (this.#patience > 0 && this.#knowLittle()) {
      this.#patience--;
      return;
    }
    // Until metadata names every group that the journal holds something of, nothing can be released.
    if (groups.pending().size > 0) {
      if (journal.pressure === 'full') this.#foundNoRoom();
      return;
    }
    const boundary = this.#boundary();
    // Without room for the copies snapshots alone are made: what they cover needs no copy the next time.
    if (boundary === journal.oldestFile) this.#foundNoRoom();
    this.#begin(boundary, boundary === journal.oldestFile, () => {});
  }

  /** A group has a log above its checkpoint and has not learned yet, since the start, how much of it is committed. */
  #knowLittle(): boolean {
    for (const { checkpointOp, replica } of this.#options.groups.all()) {
      if (replica.state.commitMin === checkpointOp && replica.op > checkpointOp) return true;
    }
    return false;
  }

  /** Begins one of all groups, whatever the journal holds: so that the next start replays little. */
  start(done: () => void): void {
    if (this.#run === null) this.#begin(this.#boundary(), true, done);
  }

  /** Begins one of these groups alone, which the journal has little or nothing of. False: one is under way already. */
  startFor(groups: Iterable<HostedGroup>): boolean {
    if (this.#run !== null || this.#failed || this.#stopped) return false;
    const { oldestFile: boundary } = this.#options.journal;
    const run: Run = { boundary, releases: false, queue: [...groups], pending: 1, done: () => {} };
    this.#run = run;
    this.#work(run);
    return true;
  }

  /**
   * For who replaces a group's files: no checkpoint begins before what this returns is called. Null: one is under way.
   */
  hold(): (() => void) | null {
    if (this.#run !== null || this.#failed || this.#stopped) return null;
    const { oldestFile: boundary } = this.#options.journal;
    const run: Run = { boundary, releases: false, queue: [], pending: 1, done: () => {} };
    this.#run = run;
    return () => this.#step(run);
  }

  /** Begins none by itself any more: what it would copy into the journal would contradict the last word of a stop. */
  stop(): void {
    this.#stopped = true;
  }

  /**
   * The first file that stays: the one that is written now, if what older files alone hold fits into half of the
   * room that is left, so that a second attempt can be made after a crash; else an earlier one, and if there is
   * none, all of the room is risked. Never begun without room: half a copy would use it up and release nothing.
   */
  #boundary(): number {
    const { journal, groups } = this.#options;
    // What the journal holds of a group that metadata does not name yet is judged by its whole sequence: promises cut what
    // stands before them, and of damage nothing is left but that it was there. Half a copy of that would say something else.
    if (groups.pending().size > 0) return journal.oldestFile;
    for (const { replica } of groups.all()) if (replica.needsJournal) return journal.oldestFile;
    const room = Math.max(0, journal.room);
    for (const budget of [room / 2, room]) {
      for (let boundary = journal.fileSequence; boundary > journal.oldestFile; boundary--) {
        if (this.#copyBytes(this.#heldByOldFiles(boundary)) <= budget) return boundary;
      }
    }
    return journal.oldestFile;
  }

  /**
   * Waits before the next attempt. When the last one found no room either and the journal is full, waiting alone does
   * not help: not even the promises may fit that would tell the groups what is committed, and so need no copy.
   */
  #foundNoRoom(): void {
    const { journal, log } = this.#options;
    this.#rest = REST_TURNS;
    this.#fruitless++;
    if (this.#fruitless === 1 || journal.pressure !== 'full') return;
    const { oldestFile: oldest, fileSequence: current } = journal;
    if (journal.extend()) log.event('warn', 'journal.extended', { oldest, current });
    else log.event('error', 'journal.full', { oldest, current });
  }

  /**
   * What copying forward takes at most: each piece in a flush of its own, and one file's end left unused. Nothing if
   * there is nothing to copy: such files are released however full the journal is.
   */
  #copyBytes(old: ReadonlyMap<number, number>): number {
    if (old.size === 0) return 0;
    const { groups, pieceBytes } = this.#options;
    let bytes = pieceBytes;
    for (const [id, lastOp] of old) {
      bytes += FLUSH_BYTES_MIN;
      const group = groups.get(id);
      if (group !== undefined) for (const { header } of suffixToCopy(group, lastOp)) bytes += header.size;
    }
    return bytes;
  }

  #begin(boundary: number, everything: boolean, done: () => void): void {
    const { journal, writer, groups, log } = this.#options;
    const run: Run = { boundary, releases: boundary > journal.oldestFile, queue: [], pending: 1, done };
    this.#run = run;
    this.#appendedBefore = writer.appendedBytes;
    const old = this.#heldByOldFiles(boundary);
    log.event('debug', 'checkpoint.started', { boundary, oldest: journal.oldestFile, groups: old.size });
    for (const [id, lastOp] of old) {
      const group = groups.get(id);
      if (group !== undefined) this.#copyPromise(run, group, lastOp);
    }
    for (const group of groups.all()) {
      if (group.replica.state.commitMin === group.checkpointOp) continue;
      // Metadata's snapshot is what forgets deleted groups, so it is always among them.
      if (everything || group.id === 0 || old.has(group.id)) run.queue.push(group);
    }
    this.#work(run);
  }

  #work(run: Run): void {
    for (let i = 0; i < PARALLEL; i++) this.#next(run);
    this.#step(run);
  }

  /** Calls back when the checkpoint under way has ended, well or not. */
  whenDone(done: () => void): void {
    const run = this.#run;
    if (run === null) {
      done();
      return;
    }
    const before = run.done;
    run.done = () => {
      before();
      done();
    };
  }

  /** Groups of which the files below `boundary` hold something that is needed still, with the last op there. */
  #heldByOldFiles(boundary: number): Map<number, number> {
    const { journal, groups } = this.#options;
    const held = new Map<number, number>();
    for (let file = Math.max(1, journal.oldestFile); file < boundary; file++) {
      for (const { group: id, lastOp, newestState } of journal.groupsIn(file)) {
        const group = groups.get(id);
        const needed = group !== undefined && (newestState || lastOp > group.checkpointOp);
        if (needed) held.set(id, Math.max(lastOp, held.get(id) ?? 0));
      }
    }
    return held;
  }

  /** The newest promise, behind the part of the log that it builds on. */
  #copyPromise(run: Run, group: HostedGroup, lastOp: number): void {
    const state = group.stateRecord();
    for (const prepares of this.#pieces(suffixToCopy(group, lastOp)))
      this.#append(run, group.id, { prepares, state });
  }

  #pieces(prepares: readonly Prepare[]): readonly (readonly Prepare[])[] {
    const pieces: Prepare[][] = [[]];
    let bytes = 0;
    for (const prepare of prepares) {
      if (bytes > 0 && bytes + prepare.header.size > this.#options.pieceBytes) {
        pieces.push([]);
        bytes = 0;
      }
      pieces.at(-1)!.push(prepare);
      bytes += prepare.header.size;
    }
    return pieces;
  }

  #append(
    run: Run,
    group: number,
    write: { prepares: readonly Prepare[]; state?: Buffer; checkpoint?: number },
  ): void {
    run.pending++;
    const taken = this.#options.writer.appendReserved(group, write, (ok) => {
      if (ok) this.#step(run);
      else this.#fail('the journal can not be written');
    });
    if (!taken) {
      // No room even in the reserve: the files stay, the next attempt may find the group further on.
      run.pending--;
      this.#giveUp(run);
    }
  }

  #next(run: Run): void {
    if (this.#run !== run) return;
    const group = run.queue.shift();
    if (group === undefined) return;
    run.pending++;
    this.#checkpointGroup(run, group);
  }

  /** Captures the state now; makes the log below it, then the state itself, durable. */
  #checkpointGroup(run: Run, group: HostedGroup): void {
    const op = group.replica.state.commitMin;
    const { end } = group.log;
    const snapshot = group.snapshot();
    const bytes = group.bytesBeyond;
    const finish = (error: StorageError | null, what: string): boolean => {
      if (error !== null) this.#fail(`${what} of group ${group.id} failed: ${error.message}`);
      return error === null && this.#run === run;
    };
    group.log.sync((syncError) => {
      if (!finish(syncError, 'the sync')) return;
      // Also of a group that was deleted meanwhile: metadata's snapshot of this run may name it still.
      group.snapshots.write(op, snapshot, (writeError) => {
        if (!finish(writeError, 'the snapshot')) return;
        group.bytesBeyond -= bytes;
        group.checkpointed(op, end);
        // A run that releases nothing writes nothing into the journal: it has no room to spare.
        if (run.releases) this.#append(run, group.id, { prepares: [], checkpoint: op });
        this.#groupDone(run);
      });
    });
  }

  #groupDone(run: Run): void {
    this.#next(run);
    this.#step(run);
  }

  /** One thing less to wait for. */
  #step(run: Run): void {
    run.pending--;
    if (run.pending > 0 || this.#run !== run) return;
    const { journal, stats, log, groups } = this.#options;
    this.#run = null;
    if (run.releases) this.#fruitless = 0;
    journal.release(run.boundary);
    stats.checkpoints++;
    // Those without a release come every minute, of groups in mode `memory`.
    const level = run.releases ? 'info' : 'debug';
    log.event(level, 'checkpoint.completed', { boundary: run.boundary, oldest: journal.oldestFile });
    const metadata = groups.get(0);
    if (metadata !== undefined)
      for (const id of groups.takeTombstones(metadata.checkpointOp)) this.#removeFiles(id);
    run.done();
  }

  #giveUp(run: Run): void {
    if (this.#run !== run) return;
    this.#run = null;
    this.#foundNoRoom();
    run.done();
  }

  /** Files of a deleted group, once no checkpoint knows it any more. What fails stays until the next start. */
  #removeFiles(id: number): void {
    const { disk, log } = this.#options;
    const directory = `groups/${id}`;
    let names: readonly string[];
    try {
      names = disk.list(directory);
    } catch (error) {
      log.event('warn', 'group.deleted', { group: id, message: `its files stay: ${String(error)}` });
      return;
    }
    for (const name of names) {
      disk.remove(`${directory}/${name}`, (error) => {
        if (error !== null) log.event('warn', 'group.deleted', { group: id, name, message: error.message });
      });
    }
  }

  #fail(message: string): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#run = null;
    this.#options.fail({ code: 'diskFailed', message });
  }
}

/**
 * What is not applied yet, if files up to `lastOp` hold some of it. All of it then, in order: the promise names
 * only what lies above the commit number, and a replay passes over ops that stand in front of a gap. In mode `memory`
 * only what the journal holds: the rest is nowhere, and the promise says so by its mark.
 */
function suffixToCopy({ replica }: HostedGroup, lastOp: number): readonly Prepare[] {
  const { commitMin, mode, log } = replica.state;
  if (lastOp <= commitMin) return [];
  if (mode === 'disk') return replica.uncommitted();
  return log.flatMap(({ prepare, durable }) => (prepare === null || !durable ? [] : [prepare]));
}
