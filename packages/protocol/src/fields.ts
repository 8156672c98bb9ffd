import type { Decoded, DecodeError } from './decoded.ts';
import type { ErrorCode } from './errors.ts';
import { validateName } from './names.ts';

/** Where the fields of one message note the first thing that was wrong. */
interface Sink {
  error: DecodeError | null;
  readonly code: ErrorCode;
}

const NOTHING: Readonly<Record<string, unknown>> = Object.freeze({});

/**
 * Reads the fields of a decoded payload. Every reader answers a value of the right type; when the field is not
 * acceptable it answers a harmless one and notes the error, so that a validator reads like the message it checks,
 * and `done` decides. Unknown fields are ignored: a newer program may send them. A field that is null counts as
 * absent.
 */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #sink: Sink;

  private constructor(values: unknown, path: string, sink: Sink) {
    this.#path = path;
    this.#sink = sink;
    if (
      typeof values === 'object' &&
      values !== null &&
      !Array.isArray(values) &&
      !ArrayBuffer.isView(values)
    ) {
      this.#values = values as Record<string, unknown>;
    } else {
      this.#values = NOTHING;
      this.#fail(`${path} is not a map`);
    }
  }

  /** Fields of `value`; `path` names it in errors, which bear `code` (or, in requests, `invalidName`). */
  static of(value: unknown, path: string, code: ErrorCode): Fields {
    return new Fields(value, path, { error: null, code });
  }

  /** `value`, or the first error. */
  done<T>(value: T): Decoded<T> {
    const { error } = this.#sink;
    return error === null ? { ok: true, value } : { ok: false, error };
  }

  has(name: string): boolean {
    return this.#get(name) !== undefined;
  }

  /** A whole number of [min, max]; default: any from 0. */
  integer(name: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.#get(name);
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    this.#fail(`${this.#path}.${name} is not a whole number of ${min} to ${max}`);
    return min;
  }

  integerOrAbsent(name: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number | undefined {
    return this.has(name) ? this.integer(name, min, max) : undefined;
  }

  integerOrNull(name: string, min = 0, max: number = Number.MAX_SAFE_INTEGER): number | null {
    return this.has(name) ? this.integer(name, min, max) : null;
  }

  boolean(name: string): boolean {
    const value = this.#get(name);
    if (typeof value === 'boolean') return value;
    this.#fail(`${this.#path}.${name} is not true or false`);
    return false;
  }

  booleanOr(name: string, absent: boolean): boolean {
    return this.has(name) ? this.boolean(name) : absent;
  }

  /** Any text of at most `max` UTF-16 units. */
  string(name: string, max: number): string {
    const value = this.#get(name);
    if (typeof value === 'string' && value.length <= max) return value;
    this.#fail(`${this.#path}.${name} is not a string of at most ${max} characters`);
    return '';
  }

  /** A name of a stream, topic or session (`validateName`). */
  name(name: string): string {
    const value = this.#get(name);
    const error = validateName(value);
    if (error === null) return value as string;
    // A client learns that the name is wrong; a node that answers with such a name has sent a broken answer.
    const code = this.#sink.code === 'invalidRequest' ? error.code : this.#sink.code;
    this.#fail(`${this.#path}.${name}: ${error.message}`, code);
    return '';
  }

  nameOrAbsent(name: string): string | undefined {
    return this.has(name) ? this.name(name) : undefined;
  }

  /** A string that `pattern` accepts; `about` says in words what that is. */
  matching(name: string, pattern: RegExp, about: string): string {
    const value = this.#get(name);
    if (typeof value === 'string' && value.length <= 255 && pattern.test(value)) return value;
    this.#fail(`${this.#path}.${name} is not ${about}`);
    return '';
  }

  oneOf<const T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const value = this.#get(name);
    for (const choice of choices) if (choice === value) return choice;
    this.#fail(`${this.#path}.${name} is none of ${choices.join(', ')}`);
    return choices[0];
  }

  /** Exactly `size` bytes. */
  bytes(name: string, size: number): Buffer {
    const value = this.#get(name);
    if (value instanceof Uint8Array && value.length === size) {
      return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    this.#fail(`${this.#path}.${name} is not ${size} bytes`);
    return Buffer.alloc(size);
  }

  bytesOrAbsent(name: string, size: number): Buffer | undefined {
    return this.has(name) ? this.bytes(name, size) : undefined;
  }

  /** The fields of a map inside this one. */
  map(name: string): Fields {
    return new Fields(this.#get(name), `${this.#path}.${name}`, this.#sink);
  }

  /** A list of maps; stops at the first that is not acceptable. */
  list<T>(name: string, read: (item: Fields) => T): T[] {
    const result: T[] = [];
    for (const [index, value] of this.#array(name).entries()) {
      result.push(read(new Fields(value, `${this.#path}.${name}[${index}]`, this.#sink)));
      if (this.#sink.error !== null) break;
    }
    return result;
  }

  /** A list of whole numbers of [0, max]. */
  integers(name: string, max: number): number[] {
    const values = this.#array(name);
    if (
      values.every((value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max)
    ) {
      return values as number[];
    }
    this.#fail(`${this.#path}.${name} is not a list of whole numbers up to ${max}`);
    return [];
  }

  /** A map of anything, handed on as it is. */
  record(name: string): Readonly<Record<string, unknown>> {
    return this.map(name).#values;
  }

  /** Notes an error that concerns more than one field. */
  reject(message: string): void {
    this.#fail(`${this.#path} ${message}`);
  }

  #array(name: string): readonly unknown[] {
    const value = this.#get(name);
    if (Array.isArray(value)) return value;
    this.#fail(`${this.#path}.${name} is not a list`);
    return [];
  }

  #get(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }

  #fail(message: string, code: ErrorCode = this.#sink.code): void {
    this.#sink.error ??= { code, message };
  }
}
