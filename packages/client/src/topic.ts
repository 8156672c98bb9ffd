import { type RecordInput, VireoError } from '@vireo/protocol';

/** What turns a record's value into the program's type and back. Either a name or an object with `parse`. */
export type ValueCodec<T> = 'bytes' | 'string' | 'json' | ParsingCodec<T>;

/** Values travel as JSON and pass `parse` on both ways; a zod schema is one. */
export interface ParsingCodec<T> {
  /** The value checked and typed; throws for what is not acceptable. */
  parse(value: unknown): T;
}

/** A topic's name, and how its values and keys are made. */
export interface Topic<T> {
  /** `stream/topic`. */
  readonly name: string;
  /** @throws VireoError `invalidRecord` */
  encode(value: T): RecordInput;
  /** May throw whatever the codec throws. */
  decode(bytes: Buffer): T;
}

export interface TopicOptions<T> {
  /** Decides the partition, and with it the order. Default: none. */
  readonly key?: (value: T) => string | Uint8Array | null;
}

/**
 * Describes a topic whose values have a type:
 * `topic('shop/orders', z.object({ id: z.string() }), { key: (order) => order.id })`.
 */
export function topic(name: string, value: 'bytes', options?: TopicOptions<Uint8Array>): Topic<Uint8Array>;
export function topic(name: string, value: 'string', options?: TopicOptions<string>): Topic<string>;
export function topic<T = unknown>(name: string, value: 'json', options?: TopicOptions<T>): Topic<T>;
export function topic<T>(name: string, value: ParsingCodec<T>, options?: TopicOptions<T>): Topic<T>;
export function topic<T>(name: string, value: ValueCodec<T>, options: TopicOptions<T> = {}): Topic<T> {
  const { toWire, fromWire } = codecOf(value);
  const { key } = options;
  return {
    name,
    encode(input) {
      return key === undefined ? { value: toWire(input) } : { key: key(input), value: toWire(input) };
    },
    decode: fromWire,
  };
}

interface Codec<T> {
  toWire(value: T): string | Uint8Array;
  fromWire(bytes: Buffer): T;
}

function codecOf<T>(value: ValueCodec<T>): Codec<T> {
  // The overloads of `topic` are what ties the names to their types.
  if (value === 'bytes') return { toWire: (v) => v as Uint8Array, fromWire: (bytes) => bytes as T };
  if (value === 'string')
    return { toWire: (v) => v as string, fromWire: (bytes) => bytes.toString('utf8') as T };
  if (value === 'json') return { toWire: json, fromWire: (bytes) => JSON.parse(bytes.toString('utf8')) as T };
  return {
    toWire: (input) => json(value.parse(input)),
    fromWire: (bytes) => value.parse(JSON.parse(bytes.toString('utf8'))),
  };
}

function json(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new VireoError('invalidRecord', `a ${typeof value} has no form in JSON`);
  return text;
}
