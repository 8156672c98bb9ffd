import { CommandError, UsageError } from '../errors.ts';
import { type Line, splitLines } from './lines.ts';

/** One record to send. Without a key the producer chooses a partition for a whole batch. */
export interface InputRecord {
  readonly value: Buffer;
  readonly key: string | undefined;
}

/** How lines become records. */
export interface RecordFormat {
  /** Every line is a JSON object; its text is the value. Implied by `keyField`. */
  readonly ndjson: boolean;
  /** The member of the object that is the key; its text, or the JSON text of what is no string. */
  readonly keyField: string | undefined;
  /** The key of all records. */
  readonly key: string | undefined;
}

const BRACE = 0x7b;
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0d]);

/** @throws UsageError for options that contradict each other. */
export function checkFormat(format: RecordFormat): void {
  if (format.key !== undefined && format.keyField !== undefined) {
    throw new UsageError('--key and --key-field both name the key', 'give one of them');
  }
}

/**
 * The records of an input, one per line. Plain lines are sent byte for byte, empty ones too. With `ndjson` or a
 * key field each line must be a JSON object, blank lines are passed over, and the value is the text as it stands
 * (not parsed and printed again: numbers beyond 2^53 and the order of members stay).
 *
 * @throws CommandError `invalidRecord` with the line's number, `recordTooLarge`
 */
export async function* readRecords(
  chunks: AsyncIterable<Uint8Array>,
  format: RecordFormat,
  lineBytesMax: number,
): AsyncGenerator<InputRecord, void, undefined> {
  const json = format.ndjson || format.keyField !== undefined;
  for await (const line of splitLines(chunks, lineBytesMax)) {
    if (!json) {
      yield { value: line.bytes, key: format.key };
      continue;
    }
    const value = trim(line.bytes);
    if (value.length === 0) continue;
    const object = parseObject(value, line);
    yield { value, key: format.keyField === undefined ? format.key : keyOf(object, format.keyField, line) };
  }
}

/** Records made up for load: `count` of `size` bytes, each different from all others of the run. */
export function* generateRecords(
  count: number,
  size: number,
  key: string | undefined,
): Generator<InputRecord> {
  for (let index = 0; index < count; index++) {
    const value = Buffer.alloc(size, 0x2e);
    value.write(String(index), 0, 'latin1');
    yield { value, key };
  }
}

function trim(bytes: Buffer): Buffer {
  let start = 0;
  let end = bytes.length;
  while (start < end && SPACES.has(bytes[start]!)) start++;
  while (end > start && SPACES.has(bytes[end - 1]!)) end--;
  return bytes.subarray(start, end);
}

function parseObject(value: Buffer, line: Line): Readonly<Record<string, unknown>> {
  if (value[0] !== BRACE)
    throw invalid(line, 'is not a JSON object', 'with --ndjson or --key-field all lines are');
  try {
    return JSON.parse(value.toString('utf8')) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw invalid(line, `is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function keyOf(object: Readonly<Record<string, unknown>>, field: string, line: Line): string {
  const key = Object.hasOwn(object, field) ? object[field] : undefined;
  if (key === undefined || key === null) {
    throw invalid(line, `has no '${field}'`, 'records of one key stay in order; every record needs it');
  }
  return typeof key === 'string' ? key : JSON.stringify(key);
}

function invalid(line: Line, what: string, hint?: string): CommandError {
  return new CommandError('invalidRecord', `line ${line.number} ${what}`, hint);
}
