import { describe, expect, it } from 'vitest';
import { runSchedule } from '../cluster/index.ts';
import type { Expectation } from '../schedule/schedule.ts';
import { quietProfile, scheduleOf } from '../schedule/schedule.ts';
import type { Step } from './step.ts';

/** A short run with these steps. */
function play(steps: readonly Step[], expectation: Expectation = {}, nodes = 3) {
  const profile = { ...quietProfile, nodes, produceRequests: 20, duration: 1_500_000 };
  return runSchedule({ ...scheduleOf(profile), steps, expect: expectation });
}

const leader: Step = { when: { event: 'leads', group: 1 }, as: 'old' };
const sends = { event: 'sends', message: 'prepare', group: 1, batch: true } as const;

describe('a scenario', { timeout: 30_000 }, () => {
  it('fails when a step does not come, and says which', () => {
    const { failure } = play([leader, { when: { event: 'leads', group: 1, view: 5 } }]);
    expect(failure).toMatchObject({
      checker: 'scenario',
      message: 'step 2 has not come: leads group 1, view 5',
    });
  });

  it('fails when it names a node that nobody has named', () => {
    expect(play([{ do: [{ type: 'kill', node: 'nobody' }] }]).failure).toMatchObject({
      checker: 'scenario',
      message: 'there is no node nobody',
    });
    const names = { type: 'nameBackups', group: 1, names: ['a', 'b', 'c'] } as const;
    expect(play([leader, { do: [names] }]).failure?.message).toContain('no backup to be called c');
  });

  it('fails when what it expects is not so', () => {
    const noted: Step = { when: sends, note: 'op' };
    expect(play([leader, noted], { kept: ['op'] }).failure).toBeNull();
    expect(play([leader, noted], { dropped: ['op'] }).failure?.message).toMatch(
      /noted as op, is in the committed log/,
    );
    expect(play([leader], { kept: ['op'] }).failure?.message).toContain('no step noted a prepare');
    expect(play([leader], { floors: { 'restart of a primary': 1 } }).failure?.message).toBe(
      'expected 1 times restart of a primary, came 0 times',
    );
  });

  it('does what a step says before the message leaves, or after', () => {
    // One backup that holds it makes the op stay.
    const fall = (before: boolean): Step[] => [
      leader,
      { do: [{ type: 'holdDisk', node: 'old' }] },
      { when: sends, note: 'op', before, do: [{ type: 'kill', node: 'old', powerLost: true }] },
      { when: { event: 'leads', group: 1, node: '!old' } },
    ];
    expect(play(fall(true), { dropped: ['op'] }).failure).toBeNull();
    expect(play(fall(false), { kept: ['op'] }).failure).toBeNull();
  });

  it('holds a disk: nothing is durable until it is released, and then everything is', () => {
    const durable = { event: 'durable', what: 'prepares', group: 1 } as const;
    const hold: Step = { do: [{ type: 'holdDisk', node: 'old' }] };
    expect(play([leader, hold, { when: durable }], {}, 1).failure?.message).toContain('step 3 has not come');
    const release: Step = { after: 300_000, do: [{ type: 'releaseDisk', node: 'old' }] };
    expect(play([leader, hold, release, { when: durable }], {}, 1).failure).toBeNull();
  });

  it('runs the same each time', () => {
    const steps: Step[] = [leader, { when: sends, times: 3, do: [{ type: 'kill', node: 'old' }] }];
    expect(play(steps).hash).toBe(play(steps).hash);
  });
});
