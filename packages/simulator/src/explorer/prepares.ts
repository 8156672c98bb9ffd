import type { Checksum, Prepare, PrepareHeader } from '@vireo/protocol';

/**
 * All prepares that were ever made, as small integers. A checksum covers the parent's, so an id names the whole chain
 * up to it, and two logs are compared by asking whether one head is an ancestor of the other.
 */
export class Prepares {
  readonly #ids = new Map<Checksum, number>();
  readonly #headers: (PrepareHeader | null)[] = [];
  readonly #parents: number[] = [];
  readonly #prepares: (Prepare | undefined)[] = [];

  /** `root`: the checksum that every chain ends in; its id is 0. */
  constructor(root: Checksum) {
    this.#ids.set(root, 0);
    this.#headers.push(null);
    this.#parents.push(0);
  }

  /** The id of a prepare; its parent must have been seen before. */
  add(header: PrepareHeader): number {
    const known = this.#ids.get(header.checksum);
    if (known !== undefined) return known;
    const parent = this.#ids.get(header.parent);
    if (parent === undefined) throw new Error(`op ${header.op} came before its parent`);
    const id = this.#headers.length;
    this.#ids.set(header.checksum, id);
    this.#headers.push(header);
    this.#parents.push(parent);
    return id;
  }

  /** The same for a whole prepare, which can be asked for from then on. */
  addPrepare(prepare: Prepare): number {
    const id = this.add(prepare.header);
    this.#prepares[id] ??= prepare;
    return id;
  }

  prepareOf(id: number): Prepare {
    const prepare = this.#prepares[id];
    if (prepare === undefined) throw new Error(`the body of prepare ${id} was never seen`);
    return prepare;
  }

  /** The id of a checksum that belongs to a prepare seen before. */
  idOf(checksum: Checksum): number {
    const id = this.#ids.get(checksum);
    if (id === undefined) throw new Error(`no prepare has the checksum ${checksum}`);
    return id;
  }

  parentOf(id: number): number {
    return this.#parents[id] as number;
  }

  opOf(id: number): number {
    return this.#headers[id]?.op ?? 0;
  }

  /** Whether the chain of `later` contains `earlier`, which may be itself. */
  contains(later: number, earlier: number): boolean {
    let at = later;
    const op = this.opOf(earlier);
    while (this.opOf(at) > op) at = this.parentOf(at);
    return at === earlier;
  }

  areOneChain(a: number, b: number): boolean {
    return this.opOf(a) < this.opOf(b) ? this.contains(b, a) : this.contains(a, b);
  }
}
