import type { ErrorCode } from './errors.ts';

/** Why some bytes were refused. `code` is for programs, `message` for people (field, value, bound). */
export interface DecodeError {
  readonly code: ErrorCode;
  readonly message: string;
}

/** What a decoder answers. Decoders never throw: hostile bytes are an ordinary outcome. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: DecodeError };

/** A decoder's success. */
export function decoded<T>(value: T): Decoded<T> {
  return { ok: true, value };
}

/** A decoder's refusal. */
export function refused(
  code: ErrorCode,
  message: string,
): { readonly ok: false; readonly error: DecodeError } {
  return { ok: false, error: { code, message } };
}
