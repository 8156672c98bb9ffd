import { describe, expect, it } from 'vitest';
import type { Fault } from '../cluster/faults.ts';
import { ddmin } from './ddmin.ts';
import { quietProfile, type Schedule, scheduleOf } from './schedule.ts';
import { shrink, type Verdict } from './shrink.ts';

describe('ddmin', () => {
  const items = Array.from({ length: 20 }, (_, index) => index);

  it.each([[[7]], [[0, 19]], [[3, 4, 11]], [items]])('finds exactly what matters: %j', (needed) => {
    expect(ddmin(items, (part) => needed.every((each) => part.includes(each)))).toEqual(needed);
  });

  it('gives nothing when nothing matters', () => {
    expect(ddmin(items, () => true)).toEqual([]);
  });

  it('keeps what it has found when its owner has had enough', () => {
    let looks = 0;
    const found = ddmin(items, (part) => {
      looks += 1;
      return looks < 4 && part.includes(19);
    });
    expect(found).toContain(19);
    expect(found.length).toBeLessThan(items.length);
  });
});

const crash = (at: number, node: number): Fault => ({
  type: 'crash',
  at,
  target: { node },
  effects: 7,
  powerLost: true,
  downFor: 400_000,
});

/** Fails when nodes 0 and 2 crash, the first for at least 100 ms, under at least 10 requests. */
function fake({ profile }: Schedule): Verdict {
  const has = (node: number) =>
    profile.faults.find(
      (fault) => fault.type === 'crash' && 'node' in fault.target && fault.target.node === node,
    );
  const zero = has(0);
  const fails = zero?.type === 'crash' && zero.downFor >= 100_000 && has(2) !== undefined;
  const checker = fails && profile.produceRequests >= 10 ? '2 acked is kept' : null;
  return { checker, after: 2_000_000 };
}

const failing = scheduleOf({
  ...quietProfile,
  nodes: 5,
  partitions: 3,
  consumers: 2,
  produceRequests: 300,
  duration: 10_000_000,
  faults: [0, 1, 2, 3, 4, 0, 1, 2, 3, 4].map((node, index) => crash(index * 200_000, node)),
});
const plenty = { runsMax: 1_000, millisecondsMax: 1_000, now: () => 0 };

describe('shrinking', () => {
  it('leaves the faults that matter, as short and simple as they can be, in the smallest world', () => {
    const { schedule, exhausted } = shrink(failing, fake(failing), fake, plenty);
    expect(fake(schedule).checker).toBe('2 acked is kept');
    expect(exhausted).toBe(false);
    expect(schedule.profile).toMatchObject({ nodes: 1, partitions: 1, consumers: 0, producers: 1 });
    expect(schedule.profile.duration).toBeLessThan(2_300_000);
    expect(schedule.profile.produceRequests).toBeLessThan(20);
    expect(schedule.profile.faults).toMatchObject([
      { target: { node: 0 }, effects: 0, powerLost: false, downFor: 100_000 },
      { target: { node: 2 }, effects: 0, powerLost: false, downFor: 0 },
    ]);
  });

  it('takes nothing that another checker reports', () => {
    const other = (schedule: Schedule): Verdict =>
      schedule.profile.faults.length < 10 ? { checker: 'liveness', after: 0 } : fake(schedule);
    const { schedule } = shrink(failing, fake(failing), other, plenty);
    expect(schedule.profile.faults).toHaveLength(10);
  });

  it('ends with its budget of runs, and with its budget of time, and says so', () => {
    const few = shrink(failing, fake(failing), fake, { ...plenty, runsMax: 5 });
    expect(few).toMatchObject({ runs: 5, exhausted: true });
    expect(fake(few.schedule).checker).toBe('2 acked is kept');
    let time = 0;
    const late = shrink(failing, fake(failing), fake, { ...plenty, now: () => (time += 100) });
    expect(late.exhausted).toBe(true);
    expect(late.runs).toBeLessThan(11);
  });
});
