/** Gives equal texts the same small integer, and keeps one value for each. */
export class Interner<T> {
  readonly #ids = new Map<string, number>();
  readonly #values: T[] = [];

  /** The id of `key`; `make` is called when it is new. */
  intern(key: string, make: (id: number) => T): number {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = this.#values.length;
    this.#ids.set(key, id);
    this.#values.push(make(id));
    return id;
  }

  get(id: number): T {
    return this.#values[id] as T;
  }

  get size(): number {
    return this.#values.length;
  }
}
