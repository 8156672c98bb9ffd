import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type PlacementNode, placePartitions } from './placement.ts';

function nodesOn(...hosts: string[]): PlacementNode[] {
  return hosts.map((host, id) => ({ id, host }));
}

function place(nodes: PlacementNode[], replication: number, partitions: number, firstGroup = 1) {
  const placement = placePartitions(nodes, replication, partitions, firstGroup);
  if (!placement.ok) throw new Error(placement.message);
  return placement.members;
}

/** Largest less smallest number of times that a node appears. */
function spread(ids: readonly number[], among: readonly number[]): number {
  const counts = among.map((id) => ids.filter((other) => other === id).length);
  return Math.max(...counts) - Math.min(...counts);
}

describe('placement', () => {
  test('spreads primaries, and the successors of one node over all others', () => {
    const size = fc.integer({ min: 1, max: 9 });
    const run = fc.property(
      size,
      size,
      fc.nat({ max: 90 }),
      fc.nat({ max: 500 }),
      (n, r, partitions, first) => {
        fc.pre(r <= n && partitions > 0);
        const ids = Array.from({ length: n }, (_, id) => id);
        const members = place(nodesOn(...ids.map((id) => `host-${id}`)), r, partitions, first + 1);
        expect(members).toHaveLength(partitions);
        for (const list of members) expect(new Set(list).size).toBe(r);
        expect(
          spread(
            members.map(([primary]) => primary!),
            ids,
          ),
        ).toBeLessThanOrEqual(1);
        if (r < 2) return;
        for (const id of ids) {
          const led = members.filter(([primary]) => primary === id);
          const others = ids.filter((other) => other !== id);
          expect(
            spread(
              led.map((list) => list[1]!),
              others,
            ),
          ).toBeLessThanOrEqual(1);
        }
      },
    );
    fc.assert(run, { numRuns: 200, seed: 7 });
  });

  test('takes every ordered pair of successors before it repeats one', () => {
    // 4 nodes: each leads 6 of 24 groups, and there are 3 · 2 ways to choose two successors in order.
    const members = place(nodesOn('a', 'b', 'c', 'd'), 3, 24);
    expect(new Set(members.map((list) => list.join())).size).toBe(24);
  });

  test('goes on over topics: two topics of 2 partitions load nodes as one of 4 does', () => {
    const nodes = nodesOn('a', 'b', 'c');
    expect([...place(nodes, 3, 2, 1), ...place(nodes, 3, 2, 3)]).toEqual(place(nodes, 3, 4, 1));
  });

  test('never puts two replicas on one host', () => {
    const hosts = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 10 });
    const run = fc.property(hosts, fc.integer({ min: 1, max: 5 }), (labels, replication) => {
      const nodes = nodesOn(...labels);
      const placement = placePartitions(nodes, replication, 40, 1);
      if (!placement.ok) {
        expect(placement.code).toBe('tooManyReplicas');
        expect(new Set(labels).size).toBeLessThan(replication);
        return;
      }
      for (const list of placement.members) {
        expect(new Set(list.map((id) => nodes[id]!.host)).size).toBe(replication);
      }
    });
    fc.assert(run, { numRuns: 200, seed: 7 });
  });

  test('says whether nodes or hosts are too few', () => {
    expect(placePartitions(nodesOn('a', 'b', 'c'), 4, 1, 1)).toMatchObject({
      ok: false,
      code: 'tooManyReplicas',
      message: '4 replicas need as many nodes; there are 3',
    });
    expect(placePartitions(nodesOn('a', 'a', 'b'), 3, 1, 1)).toMatchObject({
      ok: false,
      code: 'tooManyReplicas',
      message: expect.stringContaining('only 2 different host labels'),
    });
  });

  test('does not depend on the order in which nodes are listed', () => {
    const nodes = nodesOn('a', 'b', 'c', 'd', 'e');
    expect(place([...nodes].reverse(), 3, 20)).toEqual(place(nodes, 3, 20));
  });
});
