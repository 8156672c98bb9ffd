import {
  type Batches,
  type DecodeTools,
  type ErrorCode,
  PREPARE_HEADER_SIZE,
  PrepareKind,
  peekBatch,
  peekPrepareHeader,
  verifyBatch,
} from '@vireo/protocol';
import { FetchedBatch } from './fetched-batch.ts';

/** What one push held. */
export interface PushResult {
  readonly batches: readonly FetchedBatch[];
  /** Credit of what was pushed and is not for delivery: other kinds of ops, what was delivered before. */
  readonly skippedBytes: number;
  readonly skippedRecords: number;
  /** The next offset to expect. */
  readonly next: number;
  /** The last op that was read whole; 0: none. */
  readonly op: number;
  /**
   * What stopped the reading. `hole`: a batch begins behind `next`, something is missing in between. `damaged`: a
   * batch fails its checksum here. `garbage`: these are no prepares.
   */
  readonly stop: {
    readonly type: 'hole' | 'damaged' | 'garbage';
    readonly code: ErrorCode;
    readonly message: string;
  } | null;
}

/**
 * Reads the prepares of a push, in order: dense from `next` on, up to `until` (exclusive). A batch that holds `next`
 * somewhere inside is delivered from there.
 */
export function readPush(
  partition: number,
  push: Batches,
  next: number,
  until: number,
  tools: DecodeTools,
): PushResult {
  const { body, node, role } = push;
  const batches: FetchedBatch[] = [];
  let skippedBytes = 0;
  let skippedRecords = 0;
  let position = 0;
  let expected = next;
  let op = 0;
  const result = (stop: PushResult['stop']): PushResult => ({
    batches,
    skippedBytes,
    skippedRecords,
    next: expected,
    op,
    stop,
  });
  while (position < body.length) {
    const head = peekPrepareHeader(body.subarray(position, position + PREPARE_HEADER_SIZE));
    if (!head.ok) return result({ type: 'garbage', ...head.error });
    const { size, kind, baseOffset, count, timestamp } = head.value;
    const end = position + size;
    if (end > body.length) {
      return result({ type: 'garbage', code: 'corruptPrepare', message: 'a pushed prepare is cut short' });
    }
    const batchEnd = baseOffset + count;
    if (kind !== PrepareKind.batch || batchEnd <= expected || expected >= until) {
      op = head.value.op;
      skippedBytes += size;
      skippedRecords += count;
      position = end;
      continue;
    }
    if (baseOffset > expected) {
      const message = `offset ${baseOffset} came where ${expected} was expected`;
      return result({ type: 'hole', code: 'corruptPayload', message });
    }
    const bytes = body.subarray(position + PREPARE_HEADER_SIZE, end);
    const peeked = peekBatch(bytes);
    if (!peeked.ok) return result({ type: 'damaged', ...peeked.error });
    const error =
      peeked.value.count === count
        ? verifyBatch(bytes, peeked.value, tools.checksums)
        : {
            code: 'corruptBatch' as const,
            message: `a batch of ${peeked.value.count} records, announced were ${count}`,
          };
    if (error !== null) return result({ type: 'damaged', ...error });
    const range = { base: baseOffset, first: expected, end: Math.min(batchEnd, until) };
    const credit = { bytes: size, records: count };
    batches.push(new FetchedBatch(partition, range, timestamp, { node, role }, bytes, credit, tools));
    expected = range.end;
    op = head.value.op;
    position = end;
  }
  return result(null);
}
