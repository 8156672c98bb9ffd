import type { Lz4 } from '@vireo/protocol';

/** The part of `lz4-napi` that is used: blocks with their unpacked size in front. */
interface Lz4Napi {
  compressSync(bytes: Buffer): Buffer;
  uncompressSync(bytes: Buffer): Buffer;
}

/** Loads `lz4-napi` once, if it is installed. Without it nothing is packed, and the protocol's own decoder unpacks. */
export class Lz4Loader {
  #loading: Promise<Lz4 | undefined> | null = null;

  load(): Promise<Lz4 | undefined> {
    this.#loading ??= load();
    return this.#loading;
  }
}

async function load(): Promise<Lz4 | undefined> {
  // A variable, so that no bundler and no type check insists on an optional package.
  const name = 'lz4-napi';
  try {
    const library = (await import(name)) as Lz4Napi;
    return {
      compress: (bytes) => library.compressSync(bytes),
      uncompress: (bytes) => library.uncompressSync(bytes),
    };
  } catch {
    return undefined;
  }
}
