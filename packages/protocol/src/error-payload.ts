import { type Decoded, decoded } from './decoded.ts';
import { ErrorCodes, isErrorCode, type Outcome, VireoError } from './errors.ts';
import { Fields } from './fields.ts';
import { decodePayload, encodePayload, requestPayloadLimits } from './payload.ts';

const MESSAGE_MAX = 1024;

/** What an error needs to be sent; a `VireoError` has it, a `DecodeError` too. */
interface Sendable {
  readonly code: keyof typeof ErrorCodes;
  readonly message: string;
  readonly retryable?: boolean | undefined;
  readonly outcome?: Outcome | undefined;
  readonly details?: Readonly<Record<string, unknown>> | undefined;
}

/** The payload of an `error` or `subscriptionEnd` frame. Retryable and outcome default to the table's. */
export function encodeError(error: Sendable): Buffer {
  const { code, message, details } = error;
  return encodePayload({
    code,
    message: message.slice(0, MESSAGE_MAX),
    retryable: error.retryable ?? ErrorCodes[code].retryable,
    outcome: error.outcome ?? ErrorCodes[code].outcome,
    details,
  });
}

/**
 * Reads the payload of an `error` or `subscriptionEnd` frame. A code that this program does not know (of a newer
 * node) becomes `internal` with `details.code`; what the sender says of retry and outcome stands.
 *
 * Errors: `corruptPayload`, `tooLarge`.
 */
export function decodeError(payload: Buffer): Decoded<VireoError> {
  const plain = decodePayload(payload, requestPayloadLimits);
  if (!plain.ok) return plain;
  const fields = Fields.of(plain.value, 'error', 'corruptPayload');
  const code = fields.string('code', 64);
  const message = fields.string('message', MESSAGE_MAX);
  const retryable = fields.boolean('retryable');
  const outcome = fields.oneOf('outcome', ['notApplied', 'unknown']);
  const details = fields.has('details') ? fields.record('details') : undefined;
  const checked = fields.done(null);
  if (!checked.ok) return checked;
  if (isErrorCode(code)) return decoded(new VireoError(code, message, { retryable, outcome, details }));
  return decoded(new VireoError('internal', message, { retryable, outcome, details: { ...details, code } }));
}
