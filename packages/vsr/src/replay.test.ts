import { createHash } from 'node:crypto';
import {
  type Checksums,
  PREPARE_HEADER_SIZE,
  type Prepare,
  PrepareKind,
  sealPrepare,
  ZERO_CHECKSUM,
} from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { type ReplayItem, replayJournal } from './replay.ts';
import type { StateRecord } from './state-record.ts';

const checksums: Checksums = {
  crc32: () => 0,
  identity: (bytes) => createHash('md5').update(bytes).digest('hex'),
};

function prepare(op: number, view: number, parent: Prepare | null): Prepare {
  return sealPrepare(
    Buffer.alloc(PREPARE_HEADER_SIZE),
    {
      group: 1,
      op,
      view,
      epoch: 0,
      parent: parent?.header.checksum ?? ZERO_CHECKSUM,
      kind: PrepareKind.noop,
      timestamp: 0,
      baseOffset: 0,
      count: 0,
      producerId: 0,
      producerEpoch: 0,
      sequence: 0,
      codec: 0,
    },
    checksums,
  );
}

const empty = { op: 0, checksum: ZERO_CHECKSUM, timestamp: 0, mode: 'disk' as const, lossEpoch: 0 };
const one = prepare(1, 0, null);
const two = prepare(2, 0, one);
const three = prepare(3, 0, two);
const otherTwo = prepare(2, 1, one);
const item = (each: Prepare): ReplayItem => ({ type: 'prepare', prepare: each });

function state(view: number, logView: number, anchor: Prepare | null, suffix: Prepare[]): ReplayItem {
  const record: StateRecord = {
    epoch: 0,
    view,
    logView,
    commitMax: anchor?.header.op ?? 0,
    anchorOp: anchor?.header.op ?? 0,
    anchorChecksum: anchor?.header.checksum ?? ZERO_CHECKSUM,
    headers: suffix.map((each) => each.header),
    present: suffix.map(() => true),
    nack: suffix.map(() => false),
    faulty: suffix.map(() => false),
    lossEpoch: 0,
    mark: false,
    verdict: 'none',
    grant: null,
  };
  return { type: 'state', record };
}

function log(items: ReplayItem[], checkpoint = empty) {
  return replayJournal(items, checkpoint)?.entries.map(
    ({ header, prepare: body }) => `${header.op}@${header.view}${body === null ? ' header only' : ''}`,
  );
}

describe('replay of a group from its journal', () => {
  it('takes prepares in order', () => {
    expect(log([item(one), item(two), item(three)])).toEqual(['1@0', '2@0', '3@0']);
  });

  it('a later op in the same place replaces the earlier one and cuts what was above', () => {
    expect(log([item(one), item(two), item(three), item(otherTwo)])).toEqual(['1@0', '2@1']);
  });

  it('the same op written again cuts nothing', () => {
    expect(log([item(one), item(two), item(three), item(two)])).toEqual(['1@0', '2@0', '3@0']);
  });

  it('a state record cuts what is above its head', () => {
    expect(log([item(one), item(two), item(three), state(1, 1, one, [])])).toEqual(['1@0']);
  });

  it('a state record replaces what contradicts its headers; a body it names may come before or after it', () => {
    expect(log([item(one), item(two), item(three), state(1, 1, one, [otherTwo]), item(otherTwo)])).toEqual([
      '1@0',
      '2@1',
    ]);
    expect(log([item(one), state(1, 1, one, [otherTwo])])).toEqual(['1@0', '2@1 header only']);
  });

  it('skips what the checkpoint covers', () => {
    const at = { op: 2, checksum: two.header.checksum, timestamp: 0, mode: 'disk' as const, lossEpoch: 0 };
    expect(log([item(one), item(two), state(1, 0, one, [two]), item(three)], at)).toEqual(['3@0']);
  });

  it('the last record counts', () => {
    expect(replayJournal([state(1, 0, null, []), state(2, 0, null, [])], empty)?.record?.view).toBe(2);
    expect(replayJournal([], empty)?.record).toBeNull();
  });

  it('a record above a gap is passed over when a later one follows from the checkpoint', () => {
    // Copied forward for a snapshot at op 2 that a crash prevented; the next start copied from op 0 again.
    const copied = [state(0, 0, two, [three]), item(three)];
    const again = [item(one), item(two), item(three), state(0, 0, null, [one, two, three])];
    expect(log([...copied, ...again])).toEqual(['1@0', '2@0', '3@0']);
    expect(replayJournal(copied, empty)).toBeNull();
  });

  it('a promise copied forward does not cut the committed ops that were fetched since', () => {
    // Promised view 1 with an empty log, fetches up to the anchor of its StartView; a checkpoint copies the promise
    // meanwhile. Cutting again would leave op 3, and the log that is acked in view 1, above a gap.
    const copied = (made: ReplayItem): ReplayItem =>
      made.type === 'state' ? { type: 'state', record: { ...made.record, copied: true } } : made;
    const promised = state(1, 0, null, []);
    const items = [promised, item(one), item(two), copied(promised), item(three), state(1, 1, three, [])];
    expect(log(items)).toEqual(['1@0', '2@0', '3@0']);
  });

  it('a body that was durable before those below it finds its place when they are there', () => {
    // Told the log while the mark is set: a record of headers, then op 3 comes in on top before op 2 is fetched.
    const marked = (made: ReplayItem): ReplayItem =>
      made.type === 'state' ? { type: 'state', record: { ...made.record, mark: true } } : made;
    const told = marked(state(1, 1, null, [one, two]));
    const cleared = state(1, 1, three, []);
    expect(log([told, item(one), item(three), item(two), cleared])).toEqual(['1@0', '2@0', '3@0']);
    // What a later log has cut does not come back with the bodies below it.
    const shorter = state(2, 2, null, [one]);
    expect(log([told, item(one), item(three), shorter, item(two)])).toEqual(['1@0', '2@0']);
  });

  it('a promise whose tail the checkpoint proves stale is no unreadable state', () => {
    // An old primary comes back with ops 2 and 3 that nobody else has, promises view 1, fetches the committed op 2,
    // writes a checkpoint there and stops before the view's log has reached it.
    const items = [item(one), item(two), item(three), state(1, 0, null, [one, two, three]), item(otherTwo)];
    const at = {
      op: 2,
      checksum: otherTwo.header.checksum,
      timestamp: 0,
      mode: 'disk' as const,
      lossEpoch: 0,
    };
    expect(log(items, at)).toEqual([]);
    expect(replayJournal(items, at)?.record?.view).toBe(1);
  });

  it("names the header of a missing body from a copy, when the view's own record is gone", () => {
    const copy = state(1, 1, null, [one, two]);
    if (copy.type === 'state')
      expect(log([{ ...copy, record: { ...copy.record, copied: true } }])).toHaveLength(2);
  });

  it('a record whose log is not there is unreadable state, not an empty log', () => {
    expect(replayJournal([state(1, 1, two, [three])], empty)).toBeNull();
  });
});
