import { PREPARE_HEADER_SIZE, type Prepare, prepareBody, readU64, writeU64 } from '@vireo/protocol';

/**
 * The first op of a log that was cut to what was left of it: `lossEpoch u32 | 0 u32 | forkOp u64`. What was acked
 * above `forkOp` in earlier loss epochs is not in the log any more.
 */
const BODY_SIZE = 16;

/** The op with 128 bytes of room for its header. */
export function coldStartBytes(lossEpoch: number, forkOp: number): Buffer {
  const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + BODY_SIZE);
  bytes.writeUInt32LE(lossEpoch, PREPARE_HEADER_SIZE);
  writeU64(bytes, forkOp, PREPARE_HEADER_SIZE + 8);
  return bytes;
}

/** What such an op says. A committed op was made by a replica: a body of another size is a defect, and says nothing. */
export function coldStartFields(prepare: Prepare): { lossEpoch: number; forkOp: number } | null {
  const body = prepareBody(prepare);
  if (body.length !== BODY_SIZE) return null;
  return { lossEpoch: body.readUInt32LE(0), forkOp: readU64(body, 8) };
}

export function lossEpochIn(prepare: Prepare): number {
  return coldStartFields(prepare)?.lossEpoch ?? 0;
}
