import { PREPARE_HEADER_SIZE, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { splitByCredit } from './credit.ts';

/** A prepare as far as credit looks at it: size, kind, count. */
function prepare(count: number, bodySize: number): Buffer {
  const bytes = Buffer.alloc(PREPARE_HEADER_SIZE + bodySize);
  bytes.writeUInt32LE(count, 104);
  bytes.writeUInt32LE(bytes.length, 112);
  bytes[116] = count > 0 ? PrepareKind.batch : PrepareKind.noop;
  return bytes;
}

const SIZE = PREPARE_HEADER_SIZE + 100;
const chunk = (bytes: Buffer[], records: number) => ({
  bytes,
  firstOffset: 50,
  nextOffset: 50 + records,
  records,
});

describe('splitByCredit', () => {
  const three = [prepare(2, 100), prepare(2, 100), prepare(2, 100)];

  it('hands out everything that the credit covers', () => {
    const whole = chunk(three, 6);
    expect(splitByCredit(whole, 3 * SIZE, 6)).toEqual({ now: whole, size: 3 * SIZE, rest: null });
  });

  it('overshoots by one prepare at most, whichever credit ends first', () => {
    for (const [bytes, records] of [
      [SIZE + 1, 100],
      [100_000, 3],
    ] as const) {
      const { now, size, rest } = splitByCredit(chunk(three, 6), bytes, records);
      expect(size).toBe(2 * SIZE);
      expect(now).toMatchObject({ firstOffset: 50, nextOffset: 54, records: 4 });
      expect(rest).toMatchObject({ firstOffset: 54, nextOffset: 56, records: 2 });
    }
  });

  it('moves one prepare even with a credit of one byte and one record', () => {
    const { now, rest } = splitByCredit(chunk(three, 6), 1, 1);
    expect(now.records).toBe(2);
    expect(rest?.records).toBe(4);
  });

  it('cuts alike whether the prepares lie apart or in one buffer', () => {
    const joined = splitByCredit(chunk([Buffer.concat(three)], 6), SIZE + 1, 100);
    expect(Buffer.concat(joined.now.bytes).equals(Buffer.concat(three.slice(0, 2)))).toBe(true);
    expect(Buffer.concat(joined.rest?.bytes ?? []).equals(three[2]!)).toBe(true);
  });

  it('counts no records for a noop', () => {
    const { now, rest } = splitByCredit(
      chunk([prepare(0, 0), prepare(2, 100), prepare(2, 100)], 4),
      100_000,
      2,
    );
    expect(now).toMatchObject({ firstOffset: 50, records: 2 });
    expect(rest).toMatchObject({ firstOffset: 52, records: 2 });
  });
});
