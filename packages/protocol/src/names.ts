import type { DecodeError } from './decoded.ts';
import { NAME_BYTES_MAX } from './limits.ts';

/** C0 controls, DEL, C1 controls: invisible in a terminal, or commands to it. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

/**
 * Checks the name of a stream, topic or session: 1 to 255 bytes of UTF-8 in normal form C, without control
 * characters and '/' (which separates stream and topic). NFC, so that names which look the same are the same.
 *
 * @returns null, or an error `invalidName` that says what is wrong.
 */
export function validateName(name: unknown): DecodeError | null {
  if (typeof name !== 'string') return invalid('a name must be a string');
  if (name.length === 0) return invalid('a name must not be empty');
  // The length in UTF-16 units is a lower bound: a huge string is refused before anything walks it.
  if (name.length > NAME_BYTES_MAX || Buffer.byteLength(name, 'utf8') > NAME_BYTES_MAX) {
    return invalid(`a name must not be longer than ${NAME_BYTES_MAX} bytes of UTF-8`);
  }
  if (LONE_SURROGATE.test(name)) return invalid('a name must be valid Unicode');
  if (CONTROL.test(name)) return invalid('a name must not contain control characters');
  if (name.includes('/')) return invalid("a name must not contain '/'");
  if (name.normalize('NFC') !== name) return invalid('a name must be in Unicode normal form C (NFC)');
  return null;
}

function invalid(message: string): DecodeError {
  return { code: 'invalidName', message };
}
