import { Packr } from 'msgpackr/pack';
import { type Decoded, decoded, refused } from './decoded.ts';
import { CONTROL_BYTES_MAX } from './limits.ts';
import { scanPayload } from './payload-scan.ts';

/**
 * MessagePack as control messages use it: nil, booleans, numbers, UTF-8 strings, bytes, arrays, maps with string
 * keys. No extensions, so that any MessagePack library of any language can read it.
 */
const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  // Whole numbers above 2^32 travel as float64, which holds them exactly to 2^53; others may send int64.
  int64AsType: 'number',
  // A field that is undefined is a field that is not there.
  skipValues: [undefined],
  encodeUndefinedAsNil: true,
});

/** How much a payload may hold: what a receiver is willing to build of it. */
export interface PayloadLimits {
  readonly bytesMax: number;
  /** Values in all, at any depth, keys included. */
  readonly valuesMax: number;
}

/** Requests are small; a node takes no more from a client. */
export const requestPayloadLimits: PayloadLimits = {
  bytesMax: CONTROL_BYTES_MAX,
  valuesMax: 16_384,
};

/** Answers hold whole descriptions: 100,000 partitions with members and names. */
export const answerPayloadLimits: PayloadLimits = {
  bytesMax: 4 * CONTROL_BYTES_MAX,
  valuesMax: 4_000_000,
};

/** Encodes plain data. Fields that are undefined are left out. */
export function encodePayload(value: object): Buffer {
  return packr.pack(value) as Buffer;
}

/**
 * Decodes a payload to plain data, after a pass over the bytes that proves them to be one complete value of the
 * subset above, at most 16 deep and within `limits`; nothing is built before. Errors: `tooLarge`, `corruptPayload`.
 */
export function decodePayload(bytes: Buffer, limits: PayloadLimits = answerPayloadLimits): Decoded<unknown> {
  if (bytes.length > limits.bytesMax) {
    return refused('tooLarge', `a payload of ${bytes.length} bytes, the limit is ${limits.bytesMax}`);
  }
  const error = scanPayload(bytes, limits.valuesMax);
  if (error !== null) return { ok: false, error };
  try {
    return decoded(packr.unpack(bytes) as unknown);
  } catch (cause) {
    return refused('corruptPayload', cause instanceof Error ? cause.message : String(cause));
  }
}
