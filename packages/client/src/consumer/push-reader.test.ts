import { BatchBuilder, type Batches, PREPARE_HEADER_SIZE, PrepareKind } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checksums } from '../checksums.ts';
import { FakePartition } from '../testing/fake-partition.ts';
import { readPush } from './push-reader.ts';

const tools = { checksums };
const UNLIMITED = Number.POSITIVE_INFINITY;

/** Prepares with so many records each; 0 stands for a noop. */
function log(counts: readonly number[]): Buffer[] {
  const partition = new FakePartition(1, 0, 0);
  for (const count of counts) {
    const stamp = { producerId: 1, producerEpoch: 0, sequence: 0 };
    if (count === 0) {
      partition.seal(Buffer.alloc(PREPARE_HEADER_SIZE), { ...stamp, count }, PrepareKind.noop);
      continue;
    }
    const builder = new BatchBuilder();
    for (let i = 0; i < count; i++) builder.add({ value: `v${partition.end + i}` }, 1);
    partition.seal(builder.finish({ ...stamp, codec: 0, room: PREPARE_HEADER_SIZE }, tools), {
      ...stamp,
      count,
    });
  }
  return partition.log.map(({ bytes }) => bytes);
}

const push = (body: Buffer): Batches => ({
  subscription: 1,
  commitOffset: 0,
  firstOffset: 0,
  view: 0,
  node: 2,
  role: 'backup',
  ageMs: 0,
  lossEpoch: 0,
  body,
});

describe('reading a push', () => {
  test('delivers from inside a batch to inside another; counts what it skips', () => {
    const prepares = log([3, 0, 4, 2, 5]);
    const read = readPush(7, push(Buffer.concat(prepares)), 5, 10, tools);
    expect(
      read.batches.map(({ firstOffset, endOffset, node, role }) => [firstOffset, endOffset, node, role]),
    ).toEqual([
      [5, 7, 2, 'backup'],
      [7, 9, 2, 'backup'],
      [9, 10, 2, 'backup'],
    ]);
    const values = read.batches.flatMap((batch) => batch.records().map(({ value }) => value.toString()));
    expect(values).toEqual(['v5', 'v6', 'v7', 'v8', 'v9']);
    expect(read).toMatchObject({ next: 10, stop: null, skippedRecords: 3 });
    expect(read.skippedBytes).toBe(prepares[0]!.length + prepares[1]!.length);
  });

  test('a hole stops it where it is', () => {
    const [first, , third] = log([2, 2, 2]);
    const read = readPush(0, push(Buffer.concat([first!, third!])), 0, UNLIMITED, tools);
    expect(read).toMatchObject({ next: 2, stop: { type: 'hole' } });
    expect(read.batches).toHaveLength(1);
  });

  test('bytes of any kind, or a flipped bit, never throw and never deliver what was not stored', () => {
    const body = Buffer.concat(log([3, 0, 4, 2]));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const read = readPush(0, push(Buffer.from(bytes)), 0, UNLIMITED, tools);
        expect(read.batches).toEqual([]);
      }),
      { numRuns: 300, seed: 1 },
    );
    fc.assert(
      fc.property(fc.nat(body.length * 8 - 1), fc.nat(body.length), (bit, cut) => {
        const damaged = Buffer.from(body);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        for (const bytes of [damaged, body.subarray(0, cut)]) {
          const read = readPush(0, push(bytes), 0, UNLIMITED, tools);
          let next = 0;
          for (const batch of read.batches) {
            expect(batch.firstOffset).toBe(next);
            next = batch.endOffset;
            for (const { value, offset } of batch.records()) expect(value.toString()).toBe(`v${offset}`);
          }
          expect(read.next).toBe(next);
        }
      }),
      { numRuns: 1_000, seed: 2 },
    );
  });
});
