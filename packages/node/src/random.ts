import { createHash, randomBytes } from 'node:crypto';
import type { Random } from '@vireo/vsr';

/**
 * A seeded stream of random numbers (sfc32 of PractRand): fast, and good enough for jitter, which is all that
 * the core uses it for. Keys, nonces and incarnations come from `node:crypto`.
 */
class SeededRandom implements Random {
  readonly #seed: Buffer;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: Buffer) {
    this.#seed = seed;
    this.#a = seed.readInt32LE(0);
    this.#b = seed.readInt32LE(4);
    this.#c = seed.readInt32LE(8);
    // The first outputs of two similar seeds are alike; after twelve rounds they are not.
    for (let round = 0; round < 12; round++) this.u32();
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (this.#c << 21) | (this.#c >>> 11);
    this.#c = (this.#c + sum) | 0;
    return sum >>> 0;
  }

  below(bound: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * bound);
  }

  /** Depends on the seed and the label only, never on how much was drawn before. */
  fork(label: string): Random {
    return new SeededRandom(createHash('sha256').update(this.#seed).update(label).digest());
  }
}

/** A stream of its own for this process. `seed`: at least 12 bytes, only for tests. */
export function nodeRandom(seed: Buffer = randomBytes(32)): Random {
  return new SeededRandom(seed);
}
