import {
  type Checksum,
  type Checksums,
  isZero,
  readChecksum,
  readU64,
  writeChecksum,
  writeU64,
} from '@vireo/protocol';
import type { Disk, DiskError } from '../disk.ts';
import {
  diskFailed,
  type Opened,
  opened,
  openingReads,
  refusedToOpen,
  type StorageError,
} from '../errors.ts';
import { groupDirectory } from '../log/segment-header.ts';

/** A group's state after applying exactly the ops up to `op`. */
export interface Snapshot {
  /** Counts the snapshots of the group, from 1. */
  readonly sequence: number;
  readonly op: number;
  readonly bytes: Buffer;
}

export interface SnapshotsOpened {
  readonly store: SnapshotStore;
  /** The newest that is whole; null: none was ever written. */
  readonly latest: Snapshot | null;
  /** A slot that is there and damaged: `latest` may be older than what the journal's checkpoint goes by. */
  readonly damaged: string | null;
}

/**
 * Head of a slot, 64 bytes, little-endian; the state follows: `checksum 16 | magic u32 | version u16 | 0 u16 |
 * group u64 | sequence u64 | op u64 | size u32 | 0 12`. `checksum` covers all behind it.
 */
const HEAD_SIZE = 64;
const SNAPSHOT_VERSION = 1;
const MAGIC = 0x504e5356; // "VSNP"
const SLOTS = ['snapshot-a', 'snapshot-b'] as const;

/** Where the state of a snapshot lies: `size` bytes in `path`, behind the slot's head. */
export interface SnapshotSlot {
  readonly path: string;
  readonly from: number;
  readonly size: number;
  /** Of the state, as it was when it was written or read whole. */
  readonly checksum: Checksum;
}

interface HeldSlot {
  readonly op: number;
  readonly size: number;
  readonly checksum: Checksum;
}

type SlotRead =
  | { readonly outcome: 'absent' }
  | { readonly outcome: 'present'; readonly snapshot: Snapshot }
  | { readonly outcome: 'refused'; readonly error: StorageError };

/**
 * The state snapshots of a group: two slots, written by turns, the older one replaced. A new file takes the
 * slot's name only when it is durable, so a slot that does not verify was damaged later and is never "absent".
 */
export class SnapshotStore {
  readonly #disk: Disk;
  readonly #group: number;
  readonly #checksums: Checksums;
  #sequence: number;
  /** Index of the slot that is written next. */
  #next: number;
  #writing = false;
  /** What each slot holds; null: nothing that can be read. */
  readonly #held: (HeldSlot | null)[];

  private constructor(
    disk: Disk,
    group: number,
    checksums: Checksums,
    sequence: number,
    next: number,
    held: (HeldSlot | null)[],
  ) {
    this.#disk = disk;
    this.#group = group;
    this.#checksums = checksums;
    this.#sequence = sequence;
    this.#next = next;
    this.#held = held;
  }

  /** Errors: `newerFormat`, `otherGroup`, `unreadable` (a slot was written and none can be read). */
  static open(disk: Disk, group: number, checksums: Checksums): Opened<SnapshotsOpened> {
    return openingReads(() => {
      const slots = SLOTS.map((name) => readSlot(disk, group, `${groupDirectory(group)}/${name}`, checksums));
      let latest: Snapshot | null = null;
      let newest = 1;
      let damaged: StorageError | null = null;
      for (const [number, slot] of slots.entries()) {
        if (slot.outcome === 'refused') {
          // Written by another program version or for another group: nothing here may be overwritten.
          if (slot.error.code !== 'unreadable') return refusedToOpen(slot.error);
          damaged = slot.error;
        } else if (slot.outcome === 'present' && slot.snapshot.sequence > (latest?.sequence ?? 0)) {
          latest = slot.snapshot;
          newest = number;
        }
      }
      if (latest === null && damaged !== null) return refusedToOpen(damaged);
      const held = slots.map((slot) =>
        slot.outcome === 'present' ? heldSlot(slot.snapshot.op, slot.snapshot.bytes, checksums) : null,
      );
      const store = new SnapshotStore(disk, group, checksums, latest?.sequence ?? 0, 1 - newest, held);
      return opened({ store, latest, damaged: damaged?.path ?? null });
    });
  }

  /** Where the state at exactly `op` lies; null: not here, or replaced by later ones. */
  slotOf(op: number): SnapshotSlot | null {
    const at = this.#held.findIndex((held) => held?.op === op);
    const held = this.#held[at];
    if (held === undefined || held === null) return null;
    const { size, checksum } = held;
    return { path: `${groupDirectory(this.#group)}/${SLOTS[at]}`, from: HEAD_SIZE, size, checksum };
  }

  /**
   * Writes the state at `op` over the older slot; durable at `done(null)`. One at a time. The caller has synced
   * the log up to `op` before: a snapshot must not be ahead of its segments.
   */
  write(op: number, bytes: Buffer, done: (error: StorageError | null) => void): void {
    if (this.#writing) throw new Error(`a snapshot of group ${this.#group} is being written already`);
    this.#writing = true;
    const sequence = this.#sequence + 1;
    const directory = groupDirectory(this.#group);
    const path = `${directory}/${SLOTS[this.#next]}`;
    const fresh = `${path}.new`;
    const content = encodeSnapshot(this.#group, { sequence, op, bytes }, this.#checksums);
    const then = (action: () => void) => (error: DiskError | null) => {
      if (error === null) {
        action();
      } else {
        this.#writing = false;
        done(diskFailed(error));
      }
    };
    const finish = () => {
      this.#writing = false;
      this.#sequence = sequence;
      this.#held[this.#next] = heldSlot(op, bytes, this.#checksums);
      this.#next = 1 - this.#next;
      done(null);
    };
    const rename = () => this.#disk.rename(fresh, path, then(finish));
    const write = () => this.#disk.write(fresh, 0, [content], true, then(rename));
    const create = () => this.#disk.create(fresh, 0, then(write));
    this.#disk.makeDirectory(directory, then(create));
  }
}

function heldSlot(op: number, bytes: Buffer, checksums: Checksums): HeldSlot {
  return { op, size: bytes.length, checksum: checksums.identity(bytes) };
}

function encodeSnapshot(group: number, snapshot: Snapshot, checksums: Checksums): Buffer {
  const content = Buffer.allocUnsafeSlow(HEAD_SIZE + snapshot.bytes.length);
  content.fill(0, 0, HEAD_SIZE);
  content.writeUInt32LE(MAGIC, 16);
  content.writeUInt16LE(SNAPSHOT_VERSION, 20);
  writeU64(content, group, 24);
  writeU64(content, snapshot.sequence, 32);
  writeU64(content, snapshot.op, 40);
  content.writeUInt32LE(snapshot.bytes.length, 48);
  snapshot.bytes.copy(content, HEAD_SIZE);
  writeChecksum(content, checksums.identity(content.subarray(16)), 0);
  return content;
}

function readSlot(disk: Disk, group: number, path: string, checksums: Checksums): SlotRead {
  const size = disk.size(path);
  if (size === null) return { outcome: 'absent' };
  const content = disk.readSync(path, 0, size);
  const refused = (code: 'unreadable' | 'newerFormat' | 'otherGroup', message: string): SlotRead => ({
    outcome: 'refused',
    error: { code, message, path },
  });
  if (content.length < HEAD_SIZE || content.readUInt32LE(16) !== MAGIC) {
    return refused('unreadable', 'the snapshot has no head');
  }
  const version = content.readUInt16LE(20);
  if (version > SNAPSHOT_VERSION) {
    return refused(
      'newerFormat',
      `the snapshot has format ${version}; this program knows ${SNAPSHOT_VERSION}`,
    );
  }
  const bytes = content.subarray(HEAD_SIZE);
  const whole =
    version === SNAPSHOT_VERSION &&
    content.readUInt32LE(48) === bytes.length &&
    isZero(content, 22, 24) &&
    isZero(content, 52, HEAD_SIZE);
  if (!whole || checksums.identity(content.subarray(16)) !== readChecksum(content, 0)) {
    return refused('unreadable', 'the checksum of the snapshot does not match');
  }
  if (readU64(content, 24) !== group) {
    return refused('otherGroup', `the snapshot belongs to group ${readU64(content, 24)}`);
  }
  return {
    outcome: 'present',
    snapshot: { sequence: readU64(content, 32), op: readU64(content, 40), bytes },
  };
}
