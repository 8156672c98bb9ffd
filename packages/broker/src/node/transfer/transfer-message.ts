import { type Decoded, decoded, isZero, readU64, refused, writeU64 } from '@vireo/protocol';
import type { ChunkPlace } from '@vireo/storage';

/** What two nodes say to each other about a state transfer of one group, which the frame names. */
export type TransferMessage =
  /** "What is your last checkpoint?" Of use only above this op, which the asker has applied. */
  | { readonly type: 'getManifest'; readonly above: number }
  /** The manifest, encoded; null: there is none above that op. */
  | { readonly type: 'manifest'; readonly above: number; readonly body: Buffer | null }
  | { readonly type: 'getChunk'; readonly place: ChunkPlace }
  /** Null: it is not here, or not any more. Verified by its leaf in the manifest. */
  | { readonly type: 'chunk'; readonly place: ChunkPlace; readonly body: Buffer | null };

/**
 * Payload, little-endian: `type u8 | has u8 | u16 0 | index u32 | op u64 | baseOp u64 | length u32 | u32 0`, which the
 * frame's checksum covers; behind it the body, if `has` is 1: a manifest and a chunk are checked by checksums of their
 * own. `getManifest` and `manifest` have only `op`, which is `above`.
 */
const TYPES = ['getManifest', 'manifest', 'getChunk', 'chunk'] as const;
export const TRANSFER_FIXED_SIZE = 32;

export interface EncodedTransfer {
  readonly covered: Buffer;
  readonly body: Buffer | null;
}

export function encodeTransfer(message: TransferMessage): EncodedTransfer {
  const covered = Buffer.alloc(TRANSFER_FIXED_SIZE);
  const body = 'body' in message ? message.body : null;
  covered[0] = TYPES.indexOf(message.type) + 1;
  covered[1] = body === null ? 0 : 1;
  if ('place' in message) {
    const { op, baseOp, index, length } = message.place;
    covered.writeUInt32LE(index, 4);
    writeU64(covered, op, 8);
    writeU64(covered, baseOp, 16);
    covered.writeUInt32LE(length, 24);
  } else {
    writeU64(covered, message.above, 8);
  }
  return { covered, body };
}

/** Reads a payload of which the first `coveredBytes` were checked with the frame. Error: `corruptFrame`. */
export function decodeTransfer(payload: Buffer, coveredBytes: number): Decoded<TransferMessage> {
  if (coveredBytes !== TRANSFER_FIXED_SIZE || payload.length < TRANSFER_FIXED_SIZE)
    return refused('corruptFrame', `a transfer message of ${coveredBytes} covered bytes`);
  const type = TYPES[(payload[0] as number) - 1];
  const has = payload[1] as number;
  const op = readU64(payload, 8);
  const baseOp = readU64(payload, 16);
  if (
    type === undefined ||
    has > 1 ||
    op < 0 ||
    baseOp < 0 ||
    !isZero(payload, 2, 4) ||
    !isZero(payload, 28, 32)
  )
    return refused('corruptFrame', 'a field of a transfer message is out of range');
  const rest = payload.subarray(TRANSFER_FIXED_SIZE);
  const answers = type === 'manifest' || type === 'chunk';
  if ((has === 1 && !answers) || (has === 0 && rest.length > 0))
    return refused('corruptFrame', `a ${type} with a body that it has not`);
  const body = has === 1 ? rest : null;
  if (type === 'getManifest' || type === 'manifest') {
    if (!isZero(payload, 4, 8) || !isZero(payload, 16, 28))
      return refused('corruptFrame', `unused bytes of a ${type} are not zero`);
    return decoded(type === 'manifest' ? { type, above: op, body } : { type, above: op });
  }
  const place = { op, baseOp, index: payload.readUInt32LE(4), length: payload.readUInt32LE(24) };
  return decoded(type === 'chunk' ? { type, place, body } : { type, place });
}
