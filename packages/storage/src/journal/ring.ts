import type { Disk, DiskError } from '../disk.ts';
import { JOURNAL_DATA_START } from './file-header.ts';
import { IndexRunKind } from './flush-index.ts';
import { JOURNAL_DIRECTORY, type JournalSettings, type JournalWrite } from './journal-options.ts';

/** A file of the ring that exists, with what must be known before it may be used again. */
export interface RingFile {
  /** Place in the ring, from 1; names the file. */
  readonly slot: number;
  readonly path: string;
  readonly bytes: number;
  /** 0: not in use (blank). */
  fileSequence: number;
  /** Groups with prepares or checkpoints in the file, and the highest op of each. */
  readonly groups: Map<number, number>;
}

/** A group of which a file holds something. */
export interface JournalFileGroup {
  readonly group: number;
  /** Highest op of a prepare of the group in the file; 0: none. */
  readonly lastOp: number;
  /** Whether the newest state record of the group lies in this file. */
  readonly newestState: boolean;
}

/** What the caller should do about the room in the ring. */
export type JournalPressure = 'ok' | 'checkpoint' | 'full';

/** The ring grows to so many times its configured files at most, when nothing else makes room. */
const EXTENSION_MAX = 2;

export function journalPath(slot: number): string {
  return `${JOURNAL_DIRECTORY}/${String(slot).padStart(8, '0')}.journal`;
}

/** The slot that the name of a file in the journal's directory stands for, or 0. */
export function journalSlot(name: string): number {
  const match = /^(\d{8})\.journal$/.exec(name);
  return match === null ? 0 : Number(match[1]);
}

/**
 * Which files are in use, free, or still to be made. A file is freed only by `release`; the freed one that was
 * used first is used again first, so that those in use always follow each other without a hole.
 */
export class JournalRing {
  readonly #disk: Disk;
  readonly #settings: JournalSettings;
  readonly #files: RingFile[];
  /** The file of each group's newest state record. */
  readonly #stateFiles = new Map<number, number>();
  #releasedBelow = 0;
  #creating = false;
  #gaveUp = false;
  /** Files that may exist: as many as configured, and more once `extend` was called. */
  #filesMax: number;
  /** The disk's answer to the last attempt at a new file; while set, the ring is as large as its files. */
  creationError: DiskError | null = null;

  constructor(disk: Disk, settings: JournalSettings, files: readonly RingFile[]) {
    this.#disk = disk;
    this.#settings = settings;
    this.#files = [...files];
    this.#filesMax = Math.max(settings.fileCount, files.length);
  }

  #inUse(file: RingFile): boolean {
    return file.fileSequence > 0 && file.fileSequence >= this.#releasedBelow;
  }

  /** The free file to use next, or null. */
  nextFree(): RingFile | null {
    let best: RingFile | null = null;
    for (const file of this.#files) {
      if (!this.#inUse(file) && (best === null || file.fileSequence < best.fileSequence)) best = file;
    }
    return best;
  }

  /** Takes the file into use: what it held is forgotten. */
  use(file: RingFile, fileSequence: number): void {
    file.fileSequence = fileSequence;
    this.#gaveUp = false;
    file.groups.clear();
  }

  /** Notes what lies in the file, for `groupsIn`. */
  note(file: RingFile, group: number, kind: number, op: number): void {
    if (kind === IndexRunKind.state) {
      this.#stateFiles.set(group, file.fileSequence);
      if (!file.groups.has(group)) file.groups.set(group, 0);
    } else if (kind === IndexRunKind.prepares) {
      file.groups.set(group, Math.max(op, file.groups.get(group) ?? 0));
    }
  }

  noteWrite(file: RingFile, group: number, write: JournalWrite): void {
    for (const prepare of write.prepares) this.note(file, group, IndexRunKind.prepares, prepare.header.op);
    if (write.state) this.note(file, group, IndexRunKind.state, 0);
  }

  groupsIn(fileSequence: number): JournalFileGroup[] {
    const file = this.#files.find((candidate) => candidate.fileSequence === fileSequence);
    if (file === undefined || !this.#inUse(file)) return [];
    return [...file.groups].map(([group, lastOp]) => ({
      group,
      lastOp,
      newestState: this.#stateFiles.get(group) === fileSequence,
    }));
  }

  release(belowFile: number): void {
    this.#releasedBelow = Math.max(this.#releasedBelow, belowFile);
  }

  get releasedBelow(): number {
    return this.#releasedBelow;
  }

  /** The file that was used first among those in use, or 0. */
  get oldestFile(): number {
    let oldest = 0;
    for (const file of this.#files) {
      if (this.#inUse(file) && (oldest === 0 || file.fileSequence < oldest)) oldest = file.fileSequence;
    }
    return oldest;
  }

  /** A file is being made. */
  get creating(): boolean {
    return this.#creating;
  }

  get #capacityFiles(): number {
    return this.creationError === null ? this.#filesMax : this.#files.length;
  }

  /**
   * Lets the ring grow by a file beyond what is configured, or try again to make one that the disk refused. False:
   * it has grown to twice its size. The files stay: what filled the ring once may do so again.
   */
  extend(): boolean {
    if (this.creationError !== null) {
      this.creationError = null;
      this.#gaveUp = false;
      return true;
    }
    if (this.#filesMax >= EXTENSION_MAX * this.#settings.fileCount) return false;
    this.#filesMax += 1;
    this.#gaveUp = false;
    return true;
  }

  /**
   * Makes the next file when there is no free one and the ring may grow; one at a time, and after a failure
   * not again before another file is taken into use. True: it has begun, and `done` will come.
   */
  grow(done: () => void): boolean {
    if (this.#creating || this.#gaveUp || this.nextFree() !== null) return false;
    if (this.#files.length >= this.#filesMax) return false;
    const slot = this.#freeSlot();
    const path = journalPath(slot);
    const bytes = this.#settings.fileBytes;
    this.#creating = true;
    this.#disk.create(path, bytes, (error) => {
      this.#creating = false;
      this.#gaveUp = error !== null;
      this.creationError = error;
      if (error === null) this.#files.push({ slot, path, bytes, fileSequence: 0, groups: new Map() });
      done();
    });
    return true;
  }

  #freeSlot(): number {
    for (let slot = 1; ; slot++) {
      if (!this.#files.some((file) => file.slot === slot)) return slot;
    }
  }

  /** Bytes of the ring, as far as it can be had. */
  get #capacity(): number {
    return this.#capacityFiles * this.#settings.dataBytes;
  }

  /** Bytes left behind `position` in the current file and in files that may be used, less `queued`. */
  room(current: RingFile | null, position: number, queued: number): number {
    let used = queued;
    for (const file of this.#files) {
      if (file === current) used += position - JOURNAL_DATA_START;
      else if (this.#inUse(file)) used += this.#settings.dataBytes;
    }
    return this.#capacity - used;
  }

  /**
   * How much of the ring holds what has not been released. `full` leaves one file's worth, for what makes a
   * release possible.
   */
  pressure(current: RingFile | null, position: number, queued: number): JournalPressure {
    const room = this.room(current, position, queued);
    if (room < this.#settings.dataBytes) return 'full';
    return room * 2 < this.#capacity ? 'checkpoint' : 'ok';
  }
}
