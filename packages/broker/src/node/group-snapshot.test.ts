import { describe, expect, it } from 'vitest';
import { decodeGroupSnapshot, encodeGroupSnapshot, GROUP_SNAPSHOT_HEAD } from './group-snapshot.ts';

const machine = Buffer.from('the state of a machine');

describe('the snapshot of a group', () => {
  it.each(['disk', 'memory'] as const)('keeps mode %s, loss epoch and the state of the machine', (mode) => {
    const snapshot = { mode, lossEpoch: 7, machine };
    expect(decodeGroupSnapshot(encodeGroupSnapshot(snapshot))).toEqual({ ok: true, value: snapshot });
  });

  it('of another format, or with a head that is not sound, is refused with a code', () => {
    const bytes = encodeGroupSnapshot({ mode: 'memory', lossEpoch: 0, machine });
    for (let length = 0; length < GROUP_SNAPSHOT_HEAD; length++)
      expect(decodeGroupSnapshot(bytes.subarray(0, length))).toMatchObject({
        error: { code: 'corruptPayload' },
      });
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(bytes);
      copy[at] = value;
      return decodeGroupSnapshot(copy);
    };
    expect(changed(0, 0)).toMatchObject({ error: { code: 'corruptPayload' } });
    expect(changed(4, 2)).toMatchObject({ error: { code: 'unsupportedFormat' } });
    for (const at of [7, 12, 13, 14, 15])
      expect(changed(at, 1)).toMatchObject({ error: { code: 'corruptPayload' } });
    expect(changed(6, 2)).toMatchObject({ error: { code: 'corruptPayload' } });
  });
});
