import { HeaderKind, type RecordHeader } from '@vireo/protocol';
import { type JsonBytes, jsonBytes, readableBytes } from '../output/value-text.ts';

/** What is printed of a record; the SDK's messages have it, and more. */
export interface PrintedRecord {
  readonly partition: number;
  readonly offset: number;
  /** µs since 1970. */
  readonly timestamp: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: readonly RecordHeader[];
}

/** A header in JSON. Numbers are given as such when they are exact, else as text; 128 bits as their bytes. */
interface JsonHeader {
  readonly name: string;
  readonly kind: string;
  readonly value: JsonBytes | number | boolean | null;
}

const KIND_NAMES: readonly string[] = Object.keys(HeaderKind);

/** The object of one `--json` line. */
export function recordJson({ partition, offset, timestamp, key, value, headers }: PrintedRecord) {
  return {
    partition,
    offset,
    timestamp,
    key: key === null ? null : jsonBytes(key),
    value: jsonBytes(value),
    headers: headers.map(headerJson),
  };
}

function headerJson({ name, kind, value }: RecordHeader): JsonHeader {
  return { name, kind: KIND_NAMES[kind] ?? String(kind), value: headerValue(kind, Buffer.from(value)) };
}

/** The value by its kind. Bytes that do not have the kind's size are shown as they are. */
function headerValue(kind: number, bytes: Buffer): JsonHeader['value'] {
  switch (kind) {
    case HeaderKind.null:
      return null;
    case HeaderKind.bool:
      return bytes.length === 1 ? bytes[0] !== 0 : jsonBytes(bytes);
    case HeaderKind.float32:
      return bytes.length === 4 ? finite(bytes.readFloatLE()) : jsonBytes(bytes);
    case HeaderKind.float64:
      return bytes.length === 8 ? finite(bytes.readDoubleLE()) : jsonBytes(bytes);
    case HeaderKind.int8:
    case HeaderKind.int16:
    case HeaderKind.int32:
      return bytes.length === 1 << (kind - HeaderKind.int8)
        ? bytes.readIntLE(0, bytes.length)
        : jsonBytes(bytes);
    case HeaderKind.uint8:
    case HeaderKind.uint16:
    case HeaderKind.uint32:
      return bytes.length === 1 << (kind - HeaderKind.uint8)
        ? bytes.readUIntLE(0, bytes.length)
        : jsonBytes(bytes);
    case HeaderKind.int64:
      return bytes.length === 8 ? exact(bytes.readBigInt64LE()) : jsonBytes(bytes);
    case HeaderKind.uint64:
      return bytes.length === 8 ? exact(bytes.readBigUInt64LE()) : jsonBytes(bytes);
    default:
      return jsonBytes(bytes);
  }
}

/** JSON has no NaN and no infinities. */
function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function exact(value: bigint): number | string {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

const PARTITION_WIDTH = 4;
const OFFSET_WIDTH = 10;
const KEY_WIDTH = 16;

/** Titles above the lines of `recordText`. */
export const RECORD_TITLES = `${'PART'.padStart(PARTITION_WIDTH)}  ${'OFFSET'.padStart(OFFSET_WIDTH)}  ${'KEY'.padEnd(KEY_WIDTH)}  VALUE`;

/**
 * A record on one line: partition, offset, key, value. Columns have a fixed width, because nobody knows what comes;
 * what is longer shifts its own line only.
 *
 * @param width Cut to so many characters, for a terminal; null: not at all.
 */
export function recordText({ partition, offset, key, value }: PrintedRecord, width: number | null): string {
  const shown = key === null ? '-' : readableBytes(key);
  const line = `${String(partition).padStart(PARTITION_WIDTH)}  ${String(offset).padStart(OFFSET_WIDTH)}  ${shown.padEnd(KEY_WIDTH)}  ${readableBytes(value)}`;
  return width === null || line.length <= width ? line : `${cut(line, width - 1)}…`;
}

/** Not between the two halves of a character. */
function cut(text: string, length: number): string {
  const last = text.charCodeAt(length - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? length - 1 : length);
}
