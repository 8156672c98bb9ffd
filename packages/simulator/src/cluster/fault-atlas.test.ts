import { describe, expect, it } from 'vitest';
import { Ghost } from '../checkers/ghost.ts';
import { FaultAtlas, type LostOp, type Recovering } from './fault-atlas.ts';

const group = 1;
const lost = (op: number): LostOp => ({ group, op, checksum: `op ${op}` });

/** A group of `nodes` in which `holders` have made op 5 durable. */
function cluster(nodes: number, holders: readonly number[], memory = false, isStrict = true) {
  const ghost = new Ghost();
  const standing = new Map<number, Recovering | null>();
  const members = Array.from({ length: nodes }, (_, node) => node);
  ghost.members.set(group, members);
  for (const node of members) {
    const self = ghost.replica(node, group);
    if (holders.includes(node)) self.durable.add('op 5');
    standing.set(node, { sound: true, commitMin: 0, checksumAt: () => 'op 5' });
  }
  const atlas = new FaultAtlas(ghost, (node) => standing.get(node) ?? null, memory, isStrict);
  return { ghost, atlas, standing };
}

describe('FaultAtlas', () => {
  it('lets an op be damaged while another member holds it, and not the last copy', () => {
    const { atlas } = cluster(5, [0, 1, 2]);
    expect(atlas.permitsDamage(0, [lost(5)])).toBe(true);
    atlas.damaged(0, [lost(5)]);
    expect(atlas.permitsDamage(1, [lost(5)])).toBe(true);
    atlas.damaged(1, [lost(5)]);
    // Two of five have failed: no third.
    expect(atlas.failed(group)).toEqual([0, 1]);
    expect(atlas.permitsDamage(2, [lost(5)])).toBe(false);
    expect(atlas.permitsDamage(4, [lost(6)])).toBe(false);
  });

  it('counts no copy on a member that has failed', () => {
    const { atlas, ghost, standing } = cluster(5, [0, 1]);
    standing.set(1, { sound: false, commitMin: 0, checksumAt: () => 'op 5' });
    expect(atlas.permitsDamage(0, [lost(5)])).toBe(false);
    standing.set(1, { sound: true, commitMin: 0, checksumAt: () => 'op 5' });
    ghost.gone.set(1, null);
    expect(atlas.permitsDamage(0, [lost(5)])).toBe(false);
    ghost.gone.delete(1);
    expect(atlas.permitsDamage(0, [lost(5)])).toBe(true);
  });

  it('takes nobody from a group of one, and one of three', () => {
    expect(cluster(1, [0]).atlas.permitsDamage(0, [lost(6)])).toBe(false);
    const { atlas } = cluster(3, [0, 1]);
    atlas.damaged(0, [lost(5)]);
    expect(atlas.permitsDamage(1, [lost(6)])).toBe(false);
    // The same member may lose more.
    expect(atlas.permitsDamage(0, [lost(6)])).toBe(true);
  });

  it('lets an op go that nobody else holds, unless it is committed', () => {
    const { atlas, ghost } = cluster(3, [0]);
    expect(atlas.permitsDamage(0, [lost(5)])).toBe(true);
    for (let op = 1; op <= 5; op += 1) {
      const prepare = { header: { op, checksum: `op ${op}` } } as never;
      ghost.log(group).push({ header: { op, checksum: `op ${op}` } as never, prepare, node: 0, at: 0 });
    }
    expect(atlas.permitsDamage(0, [lost(5)])).toBe(false);
  });

  it('counts a member as failed until it is up, sound, and has back what it lost', () => {
    const { atlas, ghost, standing } = cluster(3, [0, 1]);
    atlas.damaged(0, [lost(5)]);
    expect(ghost.replica(0, group).durable.has('op 5')).toBe(false);
    const back: (Recovering | null)[] = [null, { sound: false, commitMin: 0, checksumAt: () => 'op 5' }];
    for (const state of back) {
      standing.set(0, state);
      expect(atlas.failed(group)).toEqual([0]);
    }
    // Sound, with the header and not yet durable.
    standing.set(0, { sound: true, commitMin: 0, checksumAt: () => 'op 5' });
    expect(atlas.failed(group)).toEqual([0]);
    ghost.replica(0, group).durable.add('op 5');
    expect(atlas.failed(group)).toEqual([]);
  });

  it('counts an op that was dropped by its group as settled', () => {
    const { atlas, standing } = cluster(3, [0]);
    atlas.damaged(0, [lost(5)]);
    standing.set(0, { sound: true, commitMin: 0, checksumAt: () => undefined });
    expect(atlas.failed(group)).toEqual([]);
  });

  it('lets a whole disk go while every committed op is held elsewhere', () => {
    const { atlas, ghost, standing } = cluster(3, [1]);
    const prepare = { header: { op: 1, checksum: 'op 5' } } as never;
    ghost.log(group).push({ header: { op: 1, checksum: 'op 5' } as never, prepare, node: 1, at: 0 });
    expect(atlas.permitsLoss(1)).toBe(false);
    expect(atlas.permitsLoss(0)).toBe(true);
    standing.set(2, { sound: false, commitMin: 0, checksumAt: () => undefined });
    expect(atlas.permitsLoss(0)).toBe(false);
  });

  it('where memory counts, lets a minority end, and the next only when those are back and sound', () => {
    const { atlas, standing } = cluster(3, [], true);
    expect(atlas.permitsPowerCut()).toBe(false);
    expect(atlas.dooms(0)).toBe(true);
    expect(atlas.dooms(1)).toBe(false);
    standing.set(0, null);
    atlas.spares(0);
    expect(atlas.dooms(1)).toBe(false);
    standing.set(0, { sound: false, commitMin: 0, checksumAt: () => undefined });
    expect(atlas.dooms(1)).toBe(false);
    standing.set(0, { sound: true, commitMin: 0, checksumAt: () => undefined });
    expect(atlas.dooms(1)).toBe(true);
  });

  it('where only disks count, lets all processes end at once', () => {
    const { atlas } = cluster(3, []);
    expect([0, 1, 2].map((node) => atlas.dooms(node))).toEqual([true, true, true]);
    expect(atlas.permitsPowerCut()).toBe(true);
  });

  it('beyond the budget lets everything be done, and knows whom it took too much from', () => {
    const { atlas, ghost } = cluster(3, [0, 1], true, false);
    expect(atlas.permitsDamage(0, [lost(5)])).toBe(true);
    atlas.damaged(0, [lost(5)]);
    expect([...ghost.overspent]).toEqual([]);
    expect(atlas.permitsDamage(1, [lost(5)])).toBe(true);
    expect([...ghost.overspent]).toEqual([group]);
    expect(atlas.permitsPowerCut()).toBe(true);
  });
});
