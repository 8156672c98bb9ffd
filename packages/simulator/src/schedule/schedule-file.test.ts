import { describe, expect, it } from 'vitest';
import { drawProfile, profileNames, runSchedule, simulate } from '../cluster/index.ts';
import { quietProfile, type Schedule, scheduleOf } from './schedule.ts';
import { readSchedule, writeSchedule } from './schedule-file.ts';

function read(value: unknown): Schedule | string {
  return readSchedule(JSON.stringify(value));
}

describe('a schedule in a file', () => {
  it.each(profileNames)('comes back as it was, for every seed of profile %s', (name) => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const schedule = scheduleOf(drawProfile(seed, name));
      expect(readSchedule(writeSchedule(schedule))).toEqual(schedule);
    }
  });

  it('gives the same run, bit for bit', { timeout: 30_000 }, () => {
    const profile = drawProfile(9, 'lite');
    const schedule = readSchedule(writeSchedule(scheduleOf(profile))) as Schedule;
    expect(runSchedule(schedule).hash).toBe(simulate(profile).hash);
  });

  it('keeps story, steps, expectations and where it was found', () => {
    const schedule: Schedule = {
      story: ['A primary falls.', 'Another leads.'],
      profile: quietProfile,
      steps: [{ when: { event: 'leads', group: 1 }, as: 'old', do: [{ type: 'kill', node: 'old' }] }],
      expect: { floors: { repair: 1 }, dropped: ['a'] },
      found: { checker: 'liveness', seed: 4, mutant: null, commit: 'abc' },
    };
    expect(readSchedule(writeSchedule(schedule))).toEqual(schedule);
  });

  it('says only what differs from the profile that it begins with', () => {
    const schedule = read({ format: 1, seed: 7, settings: { nodes: 5, network: { lossPerMille: 30 } } });
    expect(schedule).toMatchObject({
      profile: {
        ...quietProfile,
        seed: 7,
        nodes: 5,
        network: { ...quietProfile.network, lossPerMille: 30 },
        faults: [],
      },
    });
    const lite = read({ format: 1, seed: 7, profile: 'lite' });
    expect(lite).toEqual(scheduleOf(drawProfile(7, 'lite')));
  });

  it.each([
    ['another format', { format: 2, seed: 1 }, 'schedule.format'],
    ['no seed', { format: 1 }, 'schedule has no seed'],
    ['an unknown field', { format: 1, seed: 1, sed: 2 }, '"sed"'],
    ['an unknown setting', { format: 1, seed: 1, settings: { node: 3 } }, '"node"'],
    ['a setting of another kind', { format: 1, seed: 1, settings: { nodes: '3' } }, 'is not a number'],
    ['too many nodes', { format: 1, seed: 1, settings: { nodes: 7 } }, 'from 1 to 6'],
    ['a prototype', '{"format":1,"seed":1,"settings":{"__proto__":{"nodes":3}}}', '"__proto__"'],
    ['the seed as a setting', { format: 1, seed: 1, settings: { seed: 3 } }, '"seed"'],
    ['an unknown fault', { format: 1, seed: 1, faults: [{ at: 1, type: 'flood' }] }, 'faults[0].type'],
    ['a fault without its time', { format: 1, seed: 1, faults: [{ type: 'powerCut', downFor: 1 }] }, 'no at'],
    [
      'a fault of nobody',
      { format: 1, seed: 1, faults: [{ at: 1, type: 'reset', target: { node: 9 } }] },
      'faults[0].target',
    ],
    [
      'a step that waits for nothing known',
      { format: 1, seed: 1, steps: [{ when: { event: 'rains' } }] },
      'steps[0].when.event',
    ],
    [
      'an action with a typing error',
      { format: 1, seed: 1, steps: [{ do: [{ type: 'kill', nod: 1 }] }] },
      '"nod"',
    ],
    ['a floor that does not exist', { format: 1, seed: 1, expect: { floors: { fun: 1 } } }, '"fun"'],
    ['a list', [], 'schedule is not an object'],
    ['no JSON', '{"format": 1,', 'is not JSON'],
  ])('is refused with a reason: %s', (_what, value, reason) => {
    const answer = typeof value === 'string' ? readSchedule(value) : read(value);
    expect(answer).toContain(reason);
  });

  it('is not read at all beyond its size', () => {
    expect(readSchedule(' '.repeat(5_000_000))).toContain('longer than');
  });
});
