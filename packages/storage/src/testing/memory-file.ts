/** What a drive may tear: writes are atomic by sector, in any order. */
export const SECTOR_BYTES = 512;

/** A change that is readable and not yet on stable storage. */
export type Mutation =
  | { readonly type: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly type: 'truncate'; readonly size: number };

/** An integer from 0 to `bound` − 1: all that tearing needs of a source of random numbers. */
export type Below = (bound: number) => number;

/** Bytes with room to grow. */
class Image {
  #bytes: Buffer;
  size: number;

  constructor(size: number) {
    this.#bytes = Buffer.alloc(size);
    this.size = size;
  }

  resize(size: number): void {
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.size);
      this.#bytes = larger;
    } else if (size < this.size) {
      this.#bytes.fill(0, size, this.size);
    }
    this.size = size;
  }

  write(position: number, bytes: Buffer): void {
    if (position + bytes.length > this.size) this.resize(position + bytes.length);
    bytes.copy(this.#bytes, position);
  }

  read(position: number, length: number): Buffer {
    const from = Math.min(position, this.size);
    return Buffer.from(this.#bytes.subarray(from, Math.min(from + length, this.size)));
  }

  flip(position: number, mask: number): void {
    if (position < this.size) this.#bytes[position]! ^= mask;
  }

  apply(mutation: Mutation): void {
    if (mutation.type === 'write') this.write(mutation.position, mutation.bytes);
    else this.resize(mutation.size);
  }
}

/** A file with two faces: what reads see, and what survives a loss of power. */
export class MemoryFile {
  #visible: Image;
  #stable: Image;
  #unsynced: Mutation[] = [];

  constructor(size: number) {
    this.#visible = new Image(size);
    this.#stable = new Image(size);
  }

  get size(): number {
    return this.#visible.size;
  }

  get unsynced(): number {
    return this.#unsynced.length;
  }

  read(position: number, length: number): Buffer {
    return this.#visible.read(position, length);
  }

  change(mutation: Mutation): void {
    this.#visible.apply(mutation);
    this.#unsynced.push(mutation);
  }

  sync(): void {
    for (const mutation of this.#unsynced) this.#stable.apply(mutation);
    this.#unsynced = [];
  }

  /** Damages one byte on both faces. */
  flip(position: number, mask: number): void {
    this.#visible.flip(position, mask);
    this.#stable.flip(position, mask);
  }

  /** Loses what was not synced, or with `below` a random part of it. `inFlight`: changes never completed. */
  losePower(inFlight: readonly Mutation[], below: Below | null): void {
    if (below !== null) {
      for (const mutation of this.#unsynced) this.#survive(mutation, below);
      for (const mutation of inFlight) this.#survive(mutation, below);
    }
    this.#unsynced = [];
    const { size } = this.#stable;
    this.#visible = new Image(size);
    this.#visible.write(0, this.#stable.read(0, size));
  }

  #survive(mutation: Mutation, below: Below): void {
    const fate = below(4);
    if (fate === 0) return;
    if (fate === 1 || mutation.type === 'truncate') {
      this.#stable.apply(mutation);
      return;
    }
    // Torn: a prefix of its sectors, or any subset of them.
    const { position, bytes } = mutation;
    const sectors = Math.ceil(bytes.length / SECTOR_BYTES) + 1;
    const kept = fate === 2 ? below(sectors) : sectors;
    let at = 0;
    for (let sector = 0; sector < kept && at < bytes.length; sector++) {
      const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES));
      if (fate === 2 || below(2) === 0) this.#stable.write(position + at, bytes.subarray(at, end));
      at = end;
    }
  }
}
