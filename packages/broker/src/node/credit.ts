import { PREPARE_HEADER_SIZE, PrepareKind } from '@vireo/protocol';
import type { ReadChunk } from './subscription.ts';

/** Offsets of the prepare header's fields that are read here (layout: `prepare.ts` of the protocol). */
const COUNT = 104;
const SIZE = 112;
const KIND = 116;

/** What may be sent now, and what has to wait for credit. */
interface Split {
  readonly now: ReadChunk;
  /** Bytes of `now`. */
  readonly size: number;
  readonly rest: ReadChunk | null;
}

/**
 * Cuts a chunk where the credit of bytes or of records is used up. A prepare goes out whole while both are above
 * zero: so the overshoot is one batch, and none is too big to move. The chunk's headers are walked only when it
 * holds more than the credit.
 */
export function splitByCredit(chunk: ReadChunk, creditBytes: number, creditRecords: number): Split {
  let total = 0;
  for (const buffer of chunk.bytes) total += buffer.length;
  if (total <= creditBytes && chunk.records <= creditRecords) return { now: chunk, size: total, rest: null };

  let bytesLeft = creditBytes;
  let recordsLeft = creditRecords;
  let records = 0;
  let size = 0;
  for (let i = 0; i < chunk.bytes.length; i++) {
    const buffer = chunk.bytes[i]!;
    let position = 0;
    while (position + PREPARE_HEADER_SIZE <= buffer.length) {
      if (bytesLeft <= 0 || recordsLeft <= 0) {
        return cut(chunk, i, position, records, size);
      }
      const prepareSize = buffer.readUInt32LE(position + SIZE);
      const count = buffer[position + KIND] === PrepareKind.batch ? buffer.readUInt32LE(position + COUNT) : 0;
      bytesLeft -= prepareSize;
      recordsLeft -= count;
      records += count;
      size += prepareSize;
      position += prepareSize;
    }
  }
  return { now: chunk, size: total, rest: null };
}

function cut(chunk: ReadChunk, index: number, position: number, records: number, size: number): Split {
  const buffer = chunk.bytes[index]!;
  const now = chunk.bytes.slice(0, index);
  if (position > 0) now.push(buffer.subarray(0, position));
  const rest = [buffer.subarray(position), ...chunk.bytes.slice(index + 1)];
  // Offsets are dense; what is no batch (a noop) has no offset of its own.
  const middle = chunk.firstOffset + records;
  return {
    now: { bytes: now, firstOffset: chunk.firstOffset, nextOffset: middle, records },
    size,
    rest: {
      bytes: rest,
      firstOffset: middle,
      nextOffset: chunk.nextOffset,
      records: chunk.records - records,
    },
  };
}
