import { isUtf8 } from 'node:buffer';

/** Bytes in JSON: text when they are UTF-8, else base64, told apart by the type. */
export type JsonBytes = string | { readonly base64: string };

/** Bytes as they stand in `--json` output. */
export function jsonBytes(bytes: Uint8Array): JsonBytes {
  const buffer = asBuffer(bytes);
  return isUtf8(buffer) ? buffer.toString('utf8') : { base64: buffer.toString('base64') };
}

/** C0 controls, DEL and C1 controls: a record's content must not be able to command the terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f]/g;

/** Bytes for people: one line of text with controls escaped, `base64:…` when they are no UTF-8. */
export function readableBytes(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  return isUtf8(buffer) ? readableText(buffer.toString('utf8')) : `base64:${buffer.toString('base64')}`;
}

/** Text on one line with controls escaped: `\n`, `\t`, `\x1b`. */
export function readableText(text: string): string {
  return text.replace(CONTROLS, (control) => {
    if (control === '\n') return '\\n';
    if (control === '\r') return '\\r';
    if (control === '\t') return '\\t';
    return `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
