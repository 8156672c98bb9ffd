import {
  type Checksums,
  type Decoded,
  decoded,
  decodePrepareHeader,
  PREPARE_HEADER_SIZE,
  type PrepareHeader,
  refused,
} from '@vireo/protocol';
import { PIPELINE_MAX } from './pipeline.ts';

/** Most headers that any vote, StartView or record carries. */
export const HEADERS_MAX = PIPELINE_MAX + 1;

/** Writes headers back to back. */
export function writeHeaders(bytes: Buffer, position: number, headers: readonly PrepareHeader[]): void {
  let at = position;
  for (const header of headers) {
    header.bytes.copy(bytes, at);
    at += PREPARE_HEADER_SIZE;
  }
}

/**
 * Reads `count` headers of ops `firstOp`, `firstOp` + 1, …, each the child of the one before it, the first one the
 * child of `parent`. Errors: `corruptFrame`, and those of `decodePrepareHeader`.
 */
export function readHeaders(
  bytes: Buffer,
  position: number,
  count: number,
  firstOp: number,
  parent: string,
  checksums: Checksums,
): Decoded<PrepareHeader[]> {
  if (count > HEADERS_MAX)
    return refused('corruptFrame', `${count} headers, at most ${HEADERS_MAX} are allowed`);
  if (bytes.length < position + count * PREPARE_HEADER_SIZE)
    return refused('corruptFrame', 'headers are cut short');
  const headers: PrepareHeader[] = [];
  let expected = parent;
  for (let i = 0; i < count; i++) {
    const at = position + i * PREPARE_HEADER_SIZE;
    // A copy: a header outlives the frame that it came in, and must not pin the frame's memory.
    const header = decodePrepareHeader(Buffer.from(bytes.subarray(at, at + PREPARE_HEADER_SIZE)), checksums);
    if (!header.ok) return header;
    if (header.value.op !== firstOp + i || header.value.parent !== expected) {
      return refused(
        'corruptFrame',
        `header ${i} is op ${header.value.op} and does not follow from the one before`,
      );
    }
    expected = header.value.checksum;
    headers.push(header.value);
  }
  return decoded(headers);
}

/** Bits as a u64 in two u32 (at most HEADERS_MAX of them). */
export function writeBits(bytes: Buffer, position: number, bits: readonly boolean[]): void {
  let low = 0;
  let high = 0;
  bits.forEach((bit, i) => {
    if (!bit) return;
    if (i < 32) low |= 1 << i;
    else high |= 1 << (i - 32);
  });
  bytes.writeUInt32LE(low >>> 0, position);
  bytes.writeUInt32LE(high >>> 0, position + 4);
}

/** Whether bits are set of which no header is: reserved, hence zero. `count`: at most HEADERS_MAX. */
export function hasBitsBeyond(bytes: Buffer, position: number, count: number): boolean {
  const high = bytes.readUInt32LE(position + 4);
  if (count >= 32) return high >>> (count - 32) !== 0;
  return high !== 0 || bytes.readUInt32LE(position) >>> count !== 0;
}

export function readBits(bytes: Buffer, position: number, count: number): boolean[] {
  const low = bytes.readUInt32LE(position);
  const high = bytes.readUInt32LE(position + 4);
  return Array.from({ length: count }, (_, i) => ((i < 32 ? low >>> i : high >>> (i - 32)) & 1) === 1);
}
