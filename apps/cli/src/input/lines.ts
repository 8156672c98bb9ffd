import { CommandError } from '../errors.ts';

const NEWLINE = 0x0a;

/** A line of the input. */
export interface Line {
  /** From 1. */
  readonly number: number;
  /** The bytes between two newlines, as they lie in the input: neither decoded nor trimmed. */
  readonly bytes: Buffer;
}

/**
 * Splits a stream of bytes into lines at `\n`; a last line without one counts. What is held of an unfinished
 * line is bounded, so that a binary file without newlines cannot fill the memory.
 *
 * @throws CommandError `recordTooLarge` for a line of more than `lineBytesMax`, naming it.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Line, void, undefined> {
  let number = 0;
  let held: Buffer[] = [];
  let heldBytes = 0;
  for await (const chunk of chunks) {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(NEWLINE, start);
      const rest = bytes.subarray(start, end < 0 ? bytes.length : end);
      if (heldBytes + rest.length > lineBytesMax) throw tooLong(number + 1, lineBytesMax);
      if (end < 0) {
        if (rest.length > 0) held.push(rest);
        heldBytes += rest.length;
        break;
      }
      number++;
      yield { number, bytes: heldBytes === 0 ? rest : Buffer.concat([...held, rest]) };
      if (heldBytes > 0) {
        held = [];
        heldBytes = 0;
      }
      start = end + 1;
    }
  }
  if (heldBytes > 0) yield { number: number + 1, bytes: Buffer.concat(held) };
}

function tooLong(number: number, lineBytesMax: number): CommandError {
  return new CommandError(
    'recordTooLarge',
    `line ${number} is longer than ${lineBytesMax} bytes`,
    'each line is one record: is the input text with line breaks?',
  );
}
