import type { Prng } from './prng.ts';

/** Disks write whole sectors or none: the unit in which an interrupted write tears. */
export const sectorSize = 512;

/**
 * One file as two images: what a read sees (page cache), and what a power cut leaves (stable storage).
 * They differ in the sectors written since the last sync that covered them.
 */
export class SimFile {
  #cached: Buffer;
  #size: number;
  #stable: Buffer;
  #stableSize: number;
  readonly #dirty = new Set<number>();
  /** Sectors whose sync failed: readable, and lost with the power. */
  readonly #abandoned = new Set<number>();

  constructor(size: number) {
    this.#cached = Buffer.alloc(size);
    this.#size = size;
    this.#stable = Buffer.alloc(size);
    this.#stableSize = size;
  }

  get size(): number {
    return this.#size;
  }

  /** A copy: what a reader holds must not follow later writes. */
  read(position: number, length: number): Buffer {
    const end = Math.min(this.#size, position + length);
    return Buffer.from(this.#cached.subarray(Math.min(position, end), end));
  }

  write(position: number, bytes: Buffer): void {
    const end = position + bytes.length;
    if (end > this.#cached.length) {
      const grown = Buffer.alloc(Math.max(end, this.#cached.length * 2, 4096));
      this.#cached.copy(grown, 0, 0, this.#size);
      this.#cached = grown;
    }
    bytes.copy(this.#cached, position);
    this.#size = Math.max(this.#size, end);
    for (let sector = Math.floor(position / sectorSize); sector * sectorSize < end; sector += 1) {
      this.#dirty.add(sector);
      this.#abandoned.delete(sector);
    }
  }

  truncate(size: number): void {
    if (size > this.#size) {
      this.write(this.#size, Buffer.alloc(size - this.#size));
      return;
    }
    // Only the size changes: until it is synced, a power cut brings the old bytes back, never zeros.
    this.#cached.fill(0, size, this.#size);
    this.#size = size;
  }

  /** Everything written so far reaches stable storage. */
  sync(): void {
    for (const sector of this.#dirty) this.#settle(sector);
    this.#dirty.clear();
    this.#setStableSize();
  }

  /**
   * The sync failed. The kernel takes the pages for clean all the same: until the power fails some are read as
   * written, others are dropped at once, and no later sync brings any of them to stable storage (Rebello et al.,
   * "Can Applications Recover from fsync Failures?", ATC 2020).
   */
  failSync(random: Prng): void {
    for (const sector of this.#dirty) {
      if (random.chance(500)) this.#abandoned.add(sector);
      else this.#revert(sector);
    }
    this.#dirty.clear();
  }

  /** Changes what is stored, whatever was written: both images, up to the end of the file. */
  damage(position: number, bytes: Buffer): void {
    const length = Math.max(0, Math.min(bytes.length, this.#size - position, this.#stableSize - position));
    bytes.copy(this.#cached, position, 0, length);
    bytes.copy(this.#stable, position, 0, length);
  }

  /**
   * Power fails: each sector not yet stable is kept with `keepPerMille`, independently, as a disk with a
   * write cache of its own may do in any order.
   */
  crash(random: Prng, keepPerMille: number): void {
    for (const sector of this.#dirty) if (random.chance(keepPerMille)) this.#settle(sector);
    this.#dirty.clear();
    this.#abandoned.clear();
    if (this.#stableSize !== this.#size && random.chance(keepPerMille)) {
      this.#setStableSize();
    }
    this.#size = this.#stableSize;
    this.#cached = Buffer.alloc(Math.max(this.#size, this.#stable.length));
    this.#stable.copy(this.#cached, 0, 0, this.#size);
  }

  #setStableSize(): void {
    this.#growStable(this.#size);
    if (this.#size < this.#stableSize) this.#stable.fill(0, this.#size, this.#stableSize);
    this.#stableSize = this.#size;
  }

  #settle(sector: number): void {
    const start = sector * sectorSize;
    const end = Math.min(start + sectorSize, this.#cached.length);
    this.#growStable(end);
    if (end > start) this.#cached.copy(this.#stable, start, start, end);
    // Bytes past the old size exist only together with a longer file.
    if (Math.min(end, this.#size) > this.#stableSize) this.#stableSize = Math.min(end, this.#size);
  }

  #revert(sector: number): void {
    const start = sector * sectorSize;
    const end = Math.min(start + sectorSize, this.#cached.length);
    if (end <= start) return;
    this.#cached.fill(0, start, end);
    if (start < this.#stable.length) this.#stable.copy(this.#cached, start, start, end);
  }

  #growStable(size: number): void {
    if (size <= this.#stable.length) return;
    const grown = Buffer.alloc(Math.max(size, this.#stable.length * 2));
    this.#stable.copy(grown);
    this.#stable = grown;
  }
}
