import type { DecodeError } from './decoded.ts';
import { U64_MAX } from './integers.ts';
import type { Limits } from './limits.ts';
import { HEADER_KIND_MAX, HeaderKind, RECORD_ID_SIZE, type RecordHeader } from './record.ts';
import { varintSize, ZIGZAG_LIMIT } from './varint.ts';

export type HeaderLimits = Pick<Limits, 'recordHeadersMax' | 'recordHeaderBytesMax'>;

/** UTF-8 needs at most three bytes for a UTF-16 unit. */
export const UTF8_PER_UNIT = 3;

/** What types cannot say to a JavaScript caller; null, or `invalidRecord`. */
export function checkRecord(
  key: unknown,
  value: unknown,
  id: Uint8Array | undefined,
  timestamp: number,
  delta: number,
): DecodeError | null {
  if (typeof value !== 'string' && !(value instanceof Uint8Array))
    return invalid('the value must be bytes or a string');
  if (key !== null && typeof key !== 'string' && !(key instanceof Uint8Array)) {
    return invalid('the key must be bytes, a string or null');
  }
  if (id !== undefined && !(id instanceof Uint8Array && id.length === RECORD_ID_SIZE)) {
    return invalid(`the id must have ${RECORD_ID_SIZE} bytes`);
  }
  if (!(timestamp >= 0 && timestamp <= U64_MAX && Number.isInteger(timestamp))) {
    return invalid('the timestamp must be whole µs since 1970');
  }
  if (delta >= ZIGZAG_LIMIT || delta <= -ZIGZAG_LIMIT)
    return invalid('the timestamps of a batch are too far apart');
  return null;
}

/** Upper bound of the headers' encoded size, or why they are refused. */
export function measureHeaders(headers: readonly RecordHeader[], limits: HeaderLimits): number | DecodeError {
  if (headers.length > limits.recordHeadersMax) {
    return {
      code: 'recordTooLarge',
      message: `${headers.length} headers, the limit is ${limits.recordHeadersMax}`,
    };
  }
  let size = varintSize(headers.length);
  for (const { name, kind, value } of headers) {
    if (typeof name !== 'string') return invalid('the name of a header must be a string');
    if (!(value instanceof Uint8Array)) return invalid('the value of a header must be bytes');
    if (!(Number.isInteger(kind) && kind >= 0 && kind <= HEADER_KIND_MAX))
      return invalid(`header kind ${kind} is not known`);
    if (kind === HeaderKind.null && value.length > 0) return invalid('a header of kind null has no value');
    const nameSize = Buffer.byteLength(name, 'utf8');
    size += varintSize(nameSize) + nameSize + 1 + varintSize(value.length) + value.length;
    if (size > limits.recordHeaderBytesMax) {
      return {
        code: 'recordTooLarge',
        message: `the headers have more than ${limits.recordHeaderBytesMax} bytes`,
      };
    }
  }
  // A string is written behind room for its widest form; what is not needed is never used.
  return size + headers.reduce((most, { name }) => Math.max(most, name.length * UTF8_PER_UNIT), 0);
}

function invalid(message: string): DecodeError {
  return { code: 'invalidRecord', message };
}
