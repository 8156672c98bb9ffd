import { writeChecksum } from '@vireo/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { plainChecksums } from '../testing/index.ts';
import { decodeSegmentHeader, encodeSegmentHeader } from './segment-header.ts';
import { decodeIndex, encodeIndex } from './sparse-index.ts';

/** Sets a bit of the reserved ranges and makes the checksum anew. */
function everyBit(sound: Buffer, ranges: readonly [number, number][], judge: (bytes: Buffer) => void): void {
  const bytes = fc.constantFrom(
    ...ranges.flatMap(([from, end]) => Array.from({ length: end - from }, (_, i) => from + i)),
  );
  fc.assert(
    fc.property(bytes, fc.nat(7), (at, bit) => {
      const changed = Buffer.from(sound);
      changed[at] = changed[at]! ^ (1 << bit);
      writeChecksum(changed, plainChecksums.identity(changed.subarray(16)), 0);
      judge(changed);
    }),
  );
}

describe('reserved bytes', () => {
  it('in the head of a segment make it invalid', () => {
    const header = {
      cluster: '11'.repeat(16),
      group: 4,
      baseOp: 10,
      baseOffset: 7,
      parent: '22'.repeat(16),
      parentTimestamp: 1_000,
    };
    const sound = encodeSegmentHeader(header, plainChecksums);
    expect(decodeSegmentHeader(sound, plainChecksums)).toEqual({ outcome: 'valid', header });
    const reserved: [number, number][] = [
      [22, 24],
      [88, 128],
    ];
    everyBit(sound, reserved, (bytes) => {
      expect(decodeSegmentHeader(bytes, plainChecksums)).toEqual({ outcome: 'invalid' });
    });
  });

  it('in the head of an index make it absent', () => {
    const place = { group: 4, baseOp: 10 };
    const end = { op: 20, offset: 17, position: 9_000, checksum: '33'.repeat(16), timestamp: 2_000 };
    const entries = [{ op: 10, offset: 7, position: 128, timestamp: 1_000 }];
    const sound = encodeIndex(place, end, entries, plainChecksums);
    expect(decodeIndex(sound, place, plainChecksums)).toEqual({ end, entries });
    const reserved: [number, number][] = [
      [22, 24],
      [92, 128],
    ];
    everyBit(sound, reserved, (bytes) => {
      expect(decodeIndex(bytes, place, plainChecksums)).toBeNull();
    });
  });
});
