/** Lists of small integers, each kept once: equal lists have the same id. */
export class IntLists {
  #pool = new Int32Array(1 << 16);
  #used = 0;
  /** By id: where the list begins in the pool; it ends where the next begins. */
  #starts = new Int32Array(1 << 12);
  #count = 0;
  /** Open addressing: id + 1, 0 is free. */
  #table = new Int32Array(1 << 13);

  get size(): number {
    return this.#count;
  }

  /** The id of the first `length` elements of `list`. */
  intern(list: ArrayLike<number>, length: number): number {
    if ((this.#count + 1) * 2 > this.#table.length) this.#rehash();
    const mask = this.#table.length - 1;
    let slot = hashOf(list, length) & mask;
    for (let entry = this.#table[slot] as number; entry !== 0; entry = this.#table[slot] as number) {
      if (this.#equals(entry - 1, list, length)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    const id = this.#append(list, length);
    this.#table[slot] = id + 1;
    return id;
  }

  /** Copies a list into `into` and returns its length. */
  read(id: number, into: Int32Array): number {
    const start = this.#starts[id] as number;
    const end = this.#starts[id + 1] as number;
    for (let at = start; at < end; at++) into[at - start] = this.#pool[at] as number;
    return end - start;
  }

  /** Whether list `small` has no element that list `large` lacks; both ascending. */
  isWithin(small: number, large: number): boolean {
    if (small === large) return true;
    const pool = this.#pool;
    let at = this.#starts[small] as number;
    let other = this.#starts[large] as number;
    const end = this.#starts[small + 1] as number;
    const otherEnd = this.#starts[large + 1] as number;
    if (end - at > otherEnd - other) return false;
    for (; at < end; at++, other++) {
      const wanted = pool[at] as number;
      while (other < otherEnd && (pool[other] as number) < wanted) other++;
      if (other === otherEnd || pool[other] !== wanted) return false;
    }
    return true;
  }

  #append(list: ArrayLike<number>, length: number): number {
    while (this.#used + length > this.#pool.length) this.#pool = doubled(this.#pool);
    if (this.#count + 2 > this.#starts.length) this.#starts = doubled(this.#starts);
    for (let at = 0; at < length; at++) this.#pool[this.#used + at] = list[at] as number;
    this.#used += length;
    this.#count++;
    this.#starts[this.#count] = this.#used;
    return this.#count - 1;
  }

  #equals(id: number, list: ArrayLike<number>, length: number): boolean {
    const start = this.#starts[id] as number;
    if ((this.#starts[id + 1] as number) - start !== length) return false;
    for (let at = 0; at < length; at++) if (this.#pool[start + at] !== list[at]) return false;
    return true;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 2);
    const mask = table.length - 1;
    for (let id = 0; id < this.#count; id++) {
      const start = this.#starts[id] as number;
      const list = this.#pool.subarray(start, this.#starts[id + 1]);
      let slot = hashOf(list, list.length) & mask;
      while (table[slot] !== 0) slot = (slot + 1) & mask;
      table[slot] = id + 1;
    }
    this.#table = table;
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2);
  larger.set(array);
  return larger;
}

function hashOf(list: ArrayLike<number>, length: number): number {
  let hash = length;
  for (let at = 0; at < length; at++) hash = mix(hash, list[at] as number);
  return hash >>> 0;
}

/** Folds an integer into a hash. */
export function mix(hash: number, value: number): number {
  let h = Math.imul(hash ^ value, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return h ^ (h >>> 13);
}
