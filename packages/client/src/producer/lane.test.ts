import { describe, expect, test } from 'vitest';
import { Lane } from './lane.ts';
import type { LaneAction, LaneEvent } from './lane-events.ts';

function drive(lane: Lane, ...events: LaneEvent[]): LaneAction[] {
  const out: LaneAction[] = [];
  for (const event of events) lane.step(event, out);
  return out;
}

/** A lane with id 1 that knows where to send. */
function ready(inFlightMax = 16): Lane {
  const lane = new Lane(inFlightMax);
  drive(lane, { type: 'resume' }, { type: 'identity', producerId: 1 });
  return lane;
}

const submit = (...batches: number[]): LaneEvent[] => batches.map((batch) => ({ type: 'submit', batch }));
const sends = (out: LaneAction[]) =>
  out
    .filter((action) => action.type === 'send')
    .map(({ batch, sequence, producerEpoch }) => [batch, sequence, producerEpoch]);
const settles = (out: LaneAction[]) =>
  out.filter((action) => action.type === 'settle').map(({ batch, outcome, code }) => [batch, outcome, code]);

describe('a lane', () => {
  test('asks for an id with the first batch, not before, and once', () => {
    const lane = new Lane(16);
    expect(drive(lane, { type: 'resume' })).toEqual([]);
    expect(drive(lane, ...submit(1, 2))).toEqual([{ type: 'register' }]);
    expect(sends(drive(lane, { type: 'identity', producerId: 9 }))).toEqual([
      [1, 0, 0],
      [2, 1, 0],
    ]);
  });

  test('keeps at most so many batches in flight, the others in order', () => {
    const lane = ready(2);
    expect(sends(drive(lane, ...submit(1, 2, 3, 4))).map(([batch]) => batch)).toEqual([1, 2]);
    expect(lane.queued).toBe(2);
    expect(sends(drive(lane, { type: 'acked', batch: 2, attempt: 2 }))).toEqual([[3, 2, 0]]);
  });

  test('holds once for a lost connection, and sends all of it again with the same sequences', () => {
    const lane = ready();
    drive(lane, ...submit(1, 2, 3));
    const lost = [1, 2, 3].map(
      (n): LaneEvent => ({ type: 'unanswered', batch: n, attempt: n, code: 'connectionLost' }),
    );
    expect(drive(lane, ...lost)).toEqual([{ type: 'hold', code: 'connectionLost' }]);
    expect(sends(drive(lane, { type: 'resume' }))).toEqual([
      [1, 0, 0],
      [2, 1, 0],
      [3, 2, 0],
    ]);
  });

  test('a late ack of an attempt given up settles the batch', () => {
    const lane = ready();
    drive(lane, ...submit(1));
    drive(lane, { type: 'unanswered', batch: 1, attempt: 1, code: 'timeout' }, { type: 'resume' });
    expect(settles(drive(lane, { type: 'acked', batch: 1, attempt: 1 }))).toEqual([[1, 'acked', null]]);
    expect(drive(lane, { type: 'refused', batch: 1, attempt: 2, code: 'tooLarge' })).toEqual([]);
  });

  test('a gap behind a batch that is on its way again is answered at once, a second one with a hold', () => {
    const lane = ready();
    drive(
      lane,
      ...submit(1, 2),
      { type: 'refused', batch: 1, attempt: 1, code: 'overloaded' },
      { type: 'resume' },
    );
    const first = drive(lane, { type: 'refused', batch: 2, attempt: 2, code: 'sequenceGap' });
    expect(sends(first)).toEqual([[2, 1, 0]]);
    const second = drive(lane, { type: 'refused', batch: 2, attempt: 4, code: 'sequenceGap' });
    expect(second).toEqual([{ type: 'hold', code: 'sequenceGap' }]);
  });

  test('a lane changes only at its oldest: a verdict on a younger batch waits for the older ones', () => {
    const lane = ready();
    drive(lane, ...submit(1, 2, 3));
    expect(drive(lane, { type: 'refused', batch: 2, attempt: 2, code: 'tooLarge' })).toEqual([]);
    expect(drive(lane, { type: 'refused', batch: 3, attempt: 3, code: 'sequenceGap' })).toEqual([]);
    const out = drive(lane, { type: 'acked', batch: 1, attempt: 1 });
    expect(settles(out)).toEqual([
      [1, 'acked', null],
      [2, 'notApplied', 'tooLarge'],
    ]);
    // Every attempt with sequence 1 was refused: batch 3 takes it.
    expect(sends(out)).toEqual([[3, 1, 0]]);
  });

  test('giving up raises the epoch; what is unanswered behind is of unknown outcome, what was refused goes on', () => {
    const lane = ready();
    drive(lane, ...submit(1, 2, 3));
    drive(lane, { type: 'refused', batch: 3, attempt: 3, code: 'overloaded' });
    const out = drive(lane, { type: 'deadline' }, { type: 'resume' });
    expect(settles(out)).toEqual([
      [1, 'unknown', 'timeout'],
      [2, 'unknown', 'outcomeUnknown'],
    ]);
    expect(sends(out)).toEqual([[3, 0, 1]]);
  });

  test('two processes with one session: the lane is dead, and says so to what comes', () => {
    const lane = ready();
    drive(lane, ...submit(1, 2));
    expect(settles(drive(lane, { type: 'refused', batch: 1, attempt: 1, code: 'sequenceConflict' }))).toEqual(
      [
        [1, 'notApplied', 'sequenceConflict'],
        [2, 'unknown', 'sequenceConflict'],
      ],
    );
    expect(settles(drive(lane, ...submit(3)))).toEqual([[3, 'notApplied', 'sequenceConflict']]);
  });

  test('when the epochs are used up, a new id is asked for', () => {
    const lane = ready();
    let batch = 0;
    for (let epoch = 0; epoch < 0xffff; epoch++) {
      expect(sends(drive(lane, ...submit(++batch)))).toEqual([[batch, 0, epoch]]);
      drive(lane, { type: 'deadline' });
    }
    drive(lane, ...submit(++batch), { type: 'deadline' });
    expect(drive(lane, ...submit(++batch))).toEqual([{ type: 'register' }]);
    expect(sends(drive(lane, { type: 'identity', producerId: 2 }))).toEqual([[batch, 0, 0]]);
  });
});
