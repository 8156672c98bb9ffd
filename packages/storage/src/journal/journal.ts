import type { Checksums } from '@vireo/protocol';
import type { Disk, DiskError } from '../disk.ts';
import {
  diskFailed,
  type Opened,
  opened,
  openingReads,
  refusedToOpen,
  type StorageError,
} from '../errors.ts';
import { encodeJournalFileHeader, JOURNAL_DATA_START, type JournalFileHeader } from './file-header.ts';
import { FlushFlag } from './flush-codec.ts';
import { FlushDraft, writeFlushBytes, writeIndexBytes } from './flush-draft.ts';
import {
  checkJournalSettings,
  drawSalt,
  JOURNAL_DIRECTORY,
  type JournalItem,
  type JournalOptions,
  type JournalSettings,
  type JournalWorld,
  type JournalWrite,
  journalSettings,
  type SaltSource,
} from './journal-options.ts';
import { type JournalReport, type JournalResume, type LastFlush, openJournalFiles } from './open-journal.ts';
import type { JournalFileGroup, JournalPressure, JournalRing, RingFile } from './ring.ts';

/** How an append ended: true once it is on stable storage; false when the disk failed and it may not be. */
type AppendDone = (ok: boolean) => void;

interface QueuedWrite {
  readonly group: number;
  readonly write: JournalWrite;
  readonly bytes: number;
  readonly done: AppendDone;
}

/** What `Journal.open` answers. */
export interface JournalOpening {
  readonly journal: Journal;
  /** What it holds, in the order of the appends. */
  readonly items: JournalItem[];
  readonly report: JournalReport;
}

/** Upper bound of the gap that a start leaves in the sequence of flushes. */
const OPENING_GAP = 0x1_0000;

/**
 * The node's write-ahead log: one for all groups, a ring of files written from front to back. One flush is in
 * flight; what is appended meanwhile shares the next (group commit). Source: replication design §5.
 *
 * A failed write or sync is final: it and everything after it answers false, nothing is tried again.
 */
export class Journal {
  readonly #disk: Disk;
  readonly #settings: JournalSettings;
  readonly #checksums: Checksums;
  readonly #random: SaltSource;
  readonly #ring: JournalRing;
  readonly #resume: JournalResume;
  #file: RingFile | null;
  #header: JournalFileHeader | null;
  #position: number;
  #last: LastFlush;
  #sequence: number;
  #queue: QueuedWrite[] = [];
  #queuedBytes = 0;
  #started = false;
  /** A step of this class is at the disk: a flush, a file's head, or one of the steps of `start`. */
  #busy = false;
  /** What is queued fits into no file, and none is on its way. */
  #stalled = false;
  /** The last flush holds entries, so an empty one behind it would prove it complete. */
  #unsettled = false;
  #failure: DiskError | null = null;

  private constructor(disk: Disk, settings: JournalSettings, world: JournalWorld, resume: JournalResume) {
    this.#disk = disk;
    this.#settings = settings;
    this.#checksums = world.checksums;
    this.#random = world.random;
    this.#resume = resume;
    this.#ring = resume.ring;
    this.#file = resume.current;
    this.#header = resume.header;
    this.#position = resume.position;
    this.#last = resume.last;
    this.#sequence = resume.sequenceSeen;
  }

  /**
   * Reads what is there. Nothing is written before `start`. Errors: `otherCluster`, `otherNode`,
   * `newerFormat`, `unreadable`, `indexLost`, `invalidOptions`.
   */
  static open(
    disk: Disk,
    options: JournalOptions,
    checksums: Checksums,
    random: SaltSource,
  ): Opened<JournalOpening> {
    const settings = journalSettings(options);
    const problem = checkJournalSettings(settings);
    if (problem !== null) return refusedToOpen(problem);
    const files = openingReads(() => openJournalFiles(disk, settings, checksums));
    if (!files.ok) return files;
    const { resume, items, report } = files.value;
    return opened({ journal: new Journal(disk, settings, { checksums, random }, resume), items, report });
  }

  /**
   * Makes durable what was read, and writes the opening flush over what was cut. Before `done(null)` no
   * append completes, and nothing that rests on the journal may be sent. Called once.
   */
  start(done: (error: StorageError | null) => void): void {
    this.#busy = true;
    // Unseen torn flushes may have used the next numbers: a gap keeps the sequence from repeating.
    this.#sequence += this.#resume.sequenceSeen === 0 ? 0 : 1 + (this.#random.u32() % OPENING_GAP);
    /** Goes on with `step` if the one before succeeded. */
    const then = (step: () => void) => (error: DiskError | null) => {
      if (error === null) {
        step();
      } else {
        this.#fail(error);
        done(diskFailed(error));
      }
    };
    const again = this.#resume.rewrite;
    // The opening flush lies over what was cut. It always fits there: a flush of the same predecessor did.
    const open = () => this.#open(done);
    const rewrite = () => {
      if (again === null) open();
      else this.#disk.write(again.path, again.position, [again.bytes], true, then(open));
    };
    this.#disk.makeDirectory(JOURNAL_DIRECTORY, then(rewrite));
  }

  /** The opening flush, in a file made for it when there is none with room. */
  #open(done: (error: StorageError | null) => void): void {
    this.#busy = false;
    const begun = this.#begin(FlushFlag.opening, () => {
      this.#started = true;
      done(this.#failure === null ? null : diskFailed(this.#failure));
    });
    if (begun) return;
    this.#busy = true;
    const grow = () =>
      this.#ring.grow(() => {
        const { creationError } = this.#ring;
        if (creationError === null) {
          this.#open(done);
        } else {
          this.#fail(creationError);
          done(diskFailed(creationError));
        }
      });
    // Each start takes a flush: enough of them in a row, each cut short by a crash, fill any ring.
    if (!grow() && !(this.#ring.extend() && grow())) done(this.#full());
  }

  /**
   * Queues a write; `flush` sends it on its way. Answers come in the order of the appends, never from within
   * this call. False: refused and not queued, `done` will not be called: the ring is full or too much waits
   * (for prepares alone), or the write is larger than a file can take. Look at `pressure` before taking work.
   */
  append(group: number, write: JournalWrite, done: AppendDone): boolean {
    const bytes = writeFlushBytes(write);
    const { writeBytesMax, indexBytesMax, queueBytesMax } = this.#settings;
    if (bytes > writeBytesMax || writeIndexBytes(write) > indexBytesMax) return false;
    const reserved = Boolean(write.state) || typeof write.checkpoint === 'number';
    // What makes room must pass when there is none: state records and checkpoints use the reserve.
    if (this.#queuedBytes + bytes > (reserved ? 2 * queueBytesMax : queueBytesMax)) return false;
    if (!reserved && this.pressure === 'full') return false;
    // The last of the reserve is for the opening flushes of later starts.
    const room = this.#ring.room(this.#file, this.#position, this.#queuedBytes + bytes);
    if (room < this.#settings.openingReserve) return false;
    this.#queue.push({ group, write, bytes, done });
    this.#queuedBytes += bytes;
    return true;
  }

  /** Called once a turn: begins a flush of what is queued if none is in flight. */
  flush(): void {
    if (this.#failure !== null) this.#refuseQueue();
    if (this.#busy || !this.#started || this.#queue.length === 0) return;
    this.#begin(0, null);
  }

  /**
   * Called when the node has been idle for a while: an empty flush behind the last one proves that it was
   * complete, so that later damage to it is not taken for a torn write.
   */
  settleTail(): void {
    if (this.#failure !== null || this.#busy || !this.#started) return;
    if (this.#queue.length > 0 || !this.#unsettled || this.pressure === 'full') return;
    this.#begin(FlushFlag.settle, null);
  }

  /** Number of the file that is written now; counts uses of files, never repeats. */
  get fileSequence(): number {
    return this.#file?.fileSequence ?? 0;
  }

  /** Number of the oldest file not released. */
  get oldestFile(): number {
    return this.#ring.oldestFile;
  }

  /** What a file in use holds, by group: what a checkpoint must cover or copy before releasing it. */
  groupsIn(fileSequence: number): JournalFileGroup[] {
    return this.#ring.groupsIn(fileSequence);
  }

  /**
   * Files numbered below `belowFile` may be used again: everything in them is below a durable checkpoint, or
   * superseded in or copied to a later file that is durable. The current file is never released.
   */
  release(belowFile: number): void {
    this.#ring.release(Math.min(belowFile, this.fileSequence));
  }

  /** `checkpoint`: more than half the ring is unreleased. `full`: take no more work, only checkpoints. */
  get pressure(): JournalPressure {
    return this.#ring.pressure(this.#file, this.#position, this.#queuedBytes);
  }

  /** Bytes that state records and checkpoints may still add: up to what only the flushes of later starts may use. */
  get room(): number {
    const { openingReserve } = this.#settings;
    return this.#ring.room(this.#file, this.#position, this.#queuedBytes) - openingReserve;
  }

  /**
   * The last resort, when what a release needs does not fit any more: the ring may grow by one file beyond its
   * configured size. A reserve alone is no guarantee, for every crash between a checkpoint's copies and its release
   * costs room and frees none. False: it has grown to twice its size already.
   */
  extend(): boolean {
    return this.#ring.extend();
  }

  /**
   * What is queued waits for a file: `room` counts bytes, and the end of a file may be too short for any write. Only
   * `release` or `extend` helps.
   */
  get stalled(): boolean {
    return this.#stalled && this.#ring.nextFree() === null;
  }

  /** Bytes that wait for a flush. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** A flush, or a step that leads to one, is at the disk. */
  get busy(): boolean {
    return this.#busy;
  }

  /** The error that ended this journal, or null. */
  get failure(): DiskError | null {
    return this.#failure;
  }

  /** Why the last attempt at a new file failed (the ring then stays as large as it is), or null. */
  get creationError(): DiskError | null {
    return this.#ring.creationError;
  }

  #full(): StorageError {
    return {
      code: 'journalFull',
      message:
        'no file of the journal may be used again and it has grown to twice its size: raise journalFiles or journalFileBytes',
      path: JOURNAL_DIRECTORY,
    };
  }

  /** Begins a flush, in the next file when this one has no room. False: there is no next file now. */
  #begin(flags: number, then: (() => void) | null): boolean {
    const draft = new FlushDraft(this.#last.index);
    const file = this.#file;
    const room = file === null ? 0 : file.bytes - this.#position;
    let taken = 0;
    for (const { group, write } of this.#queue) {
      if (flags !== 0) break;
      const { flushBytesMax, indexBytesMax } = this.#settings;
      if (!draft.accepts(write, room, flushBytesMax, indexBytesMax)) break;
      draft.add(group, write);
      taken += 1;
    }
    if (file === null || (flags === 0 ? taken === 0 : draft.size > room)) return this.#roll(flags, then);
    this.#write(file, draft, this.#queue.splice(0, taken), flags, then);
    return true;
  }

  #write(
    file: RingFile,
    draft: FlushDraft,
    writes: readonly QueuedWrite[],
    flags: number,
    then: (() => void) | null,
  ): void {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const place = {
      flags,
      sequence,
      startCounter: this.#settings.startCounter,
      previousSequence: this.#last.sequence,
      secondPreviousSequence: this.#last.previousSequence,
      previousChecksum: this.#last.checksum,
      fileSequence: file.fileSequence,
      position: this.#position,
      releasedBelow: this.#ring.releasedBelow,
    };
    const encoded = draft.encode(place, this.#header!.salt, this.#checksums);
    this.#busy = true;
    this.#disk.write(file.path, this.#position, encoded.buffers, true, (error) => {
      this.#busy = false;
      if (error !== null) {
        this.#fail(error);
        for (const { done } of writes) done(false);
        then?.();
        return;
      }
      this.#position += encoded.size;
      this.#last = {
        sequence,
        checksum: encoded.checksum,
        previousSequence: place.previousSequence,
        index: encoded.index,
      };
      this.#unsettled = writes.length > 0;
      for (const { group, write, bytes } of writes) {
        this.#queuedBytes -= bytes;
        this.#ring.noteWrite(file, group, write);
      }
      if (this.#position * 2 > file.bytes) this.#ring.grow(() => this.flush());
      for (const { done } of writes) done(true);
      then?.();
    });
  }

  /** Takes the next free file into use: its head is durable before the first flush in it is written. */
  #roll(flags: number, then: (() => void) | null): boolean {
    const next = this.#ring.nextFree();
    if (next === null) {
      // Comes back by itself once there is a file; `release` is followed by the next turn's `flush`.
      if (this.#started) this.#stalled = !this.#ring.grow(() => this.flush()) && !this.#ring.creating;
      return false;
    }
    this.#stalled = false;
    const fileSequence = (this.#header?.fileSequence ?? 0) + 1;
    const header: JournalFileHeader = {
      cluster: this.#settings.cluster,
      node: this.#settings.node,
      fileSequence,
      fileBytes: next.bytes,
      firstSequence: this.#sequence + 1,
      previousSequence: this.#last.sequence,
      previousChecksum: this.#last.checksum,
      salt: drawSalt(this.#random),
    };
    this.#busy = true;
    const head = encodeJournalFileHeader(header, this.#checksums);
    this.#disk.write(next.path, 0, [head], true, (error) => {
      this.#busy = false;
      if (error !== null) {
        this.#fail(error);
        then?.();
        return;
      }
      this.#ring.use(next, fileSequence);
      this.#file = next;
      this.#header = header;
      this.#position = JOURNAL_DATA_START;
      this.#begin(flags, then);
    });
    return true;
  }

  #fail(error: DiskError): void {
    this.#busy = false;
    this.#failure ??= error;
    // Whoever waits learns it with the next `flush`, not from within another's answer.
  }

  #refuseQueue(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    for (const { done } of queue) done(false);
  }
}
