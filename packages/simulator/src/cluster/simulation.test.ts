import { describe, expect, it } from 'vitest';
import { faultTypes } from './faults.ts';
import { drawProfile, nodesOf } from './profile.ts';
import { simulate } from './simulation.ts';

/** With 1, 3 and 5 nodes. */
const seeds = [1, 2, 3, 6];

describe('a simulated cluster', () => {
  it.each(seeds)(
    'keeps every promise under faults and comes to rest, seed %i',
    { timeout: 60_000 },
    (seed) => {
      const result = simulate(drawProfile(seed));
      expect(result.failure).toBeNull();
      expect(result.operations).toBeGreaterThanOrEqual(300);
      expect(result.acked).toBeGreaterThan(100);
      expect(result.consumed).toBeGreaterThan(100);
    },
  );

  it('runs the same for the same seed, and another way for another', { timeout: 60_000 }, () => {
    const first = simulate(drawProfile(4));
    expect(simulate(drawProfile(4)).hash).toBe(first.hash);
    expect(simulate(drawProfile(5)).hash).not.toBe(first.hash);
  });

  it('prints a full trace that does not change the run', { timeout: 60_000 }, () => {
    const lines: string[] = [];
    const traced = simulate(drawProfile(8), { print: (line) => lines.push(line) });
    expect(lines.length).toBeGreaterThan(traced.events / 10);
    expect(traced.hash).toBe(simulate(drawProfile(8)).hash);
  });
});

describe('the other profiles', () => {
  it.each([1, 2, 3])('lite keeps every promise with a fraction of the work, seed %i', (seed) => {
    const result = simulate(drawProfile(seed, 'lite'));
    expect(result.failure).toBeNull();
    expect(result.acked).toBeGreaterThan(20);
    expect(result.faults).toBeGreaterThan(0);
    // A run of the swarm has 300 at least.
    expect(result.operations).toBeLessThan(200);
  });

  it('perf is heavy, without a fault, and does not depend on draws', () => {
    const { seed, ...perf } = drawProfile(1, 'perf');
    const { seed: other, ...second } = drawProfile(2, 'perf');
    expect([seed, other]).toEqual([1, 2]);
    expect(second).toEqual(perf);
    expect(perf.faults).toEqual([]);
    const result = simulate({ ...drawProfile(1, 'perf'), produceRequests: 600, duration: 1_000_000 });
    expect(result).toMatchObject({ failure: null, faults: 0 });
    expect(result.operations).toBeGreaterThan(600);
  });
});

describe('profiles', () => {
  const drawn = Array.from({ length: 400 }, (_, seed) => drawProfile(seed + 1));

  it('have 20 faults each, and five nodes in every fourth', () => {
    // Beside those that streams of their own add.
    const usual = drawn.map(({ faults }) =>
      faults.filter(({ type }) => faultTypes.some((each) => each === type)),
    );
    expect(usual.every((faults) => faults.length === 20)).toBe(true);
    expect(drawn.filter(({ nodes }) => nodes === 5)).toHaveLength(100);
    expect(new Set(drawn.map(({ seed }) => nodesOf(seed)))).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  });

  it('leave out each kind of fault in some runs and have it in others', () => {
    for (const type of faultTypes) {
      const with_ = drawn.filter(({ faults }) => faults.some((fault) => fault.type === type)).length;
      expect(with_, type).toBeGreaterThan(40);
      expect(with_, type).toBeLessThan(390);
    }
  });

  it('are data: the same seed draws the same', () => {
    expect(drawProfile(77)).toEqual(drawProfile(77));
  });
});
