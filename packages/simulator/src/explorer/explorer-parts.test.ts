import { ZERO_CHECKSUM } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { begin } from './beginning.ts';
import { cost, leavesNoLess, spend, used, whoGoesOn } from './budget.ts';
import { canonicalText } from './canonical-text.ts';
import { Driver } from './driver.ts';
import { IntLists } from './int-lists.ts';
import { LocalTable } from './local-table.ts';
import { Messages } from './messages.ts';
import { Prepares } from './prepares.ts';
import { StateStore } from './state-store.ts';

describe('budget', () => {
  it('counts each kind apart, and who goes on', () => {
    const budget = spend(spend(spend(0, cost.op, -1), cost.crash, 2), cost.op, 1);
    expect([used(budget, cost.op), used(budget, cost.crash), used(budget, cost.news)]).toEqual([2, 1, 0]);
    expect(whoGoesOn(budget)).toBe(1);
    expect(whoGoesOn(spend(budget, cost.none, -1))).toBe(-1);
  });

  it('leaves no less with less used up, and with more nodes that may act', () => {
    const free = spend(0, cost.op, -1);
    expect(leavesNoLess(free, spend(free, cost.crash, -1))).toBe(true);
    expect(leavesNoLess(spend(free, cost.crash, -1), free)).toBe(false);
    expect(leavesNoLess(free, spend(free, cost.none, 0))).toBe(true);
    expect(leavesNoLess(spend(free, cost.none, 0), free)).toBe(false);
    expect(leavesNoLess(spend(free, cost.none, 0), spend(free, cost.none, 1))).toBe(false);
  });
});

describe('lists', () => {
  it('gives equal lists one id, however many there are', () => {
    const lists = new IntLists();
    const ids = Array.from({ length: 20_000 }, (_, i) => lists.intern([i, i + 1, 7 * i + 2], 3));
    expect(new Set(ids).size).toBe(20_000);
    expect(lists.intern([5, 6, 37], 3)).toBe(ids[5]);
    const into = new Int32Array(3);
    expect(lists.read(ids[5] as number, into)).toBe(3);
    expect([...into]).toEqual([5, 6, 37]);
  });

  it('knows which ascending list lies within another', () => {
    const lists = new IntLists();
    const id = (...list: number[]) => lists.intern(list, list.length);
    expect(lists.isWithin(id(2, 5), id(1, 2, 3, 5))).toBe(true);
    expect(lists.isWithin(id(), id(1))).toBe(true);
    expect(lists.isWithin(id(2, 6), id(1, 2, 3, 5))).toBe(false);
    expect(lists.isWithin(id(1, 2, 3, 5), id(2, 5))).toBe(false);
  });
});

describe('states', () => {
  it('keeps a state out that another one outdoes, and drops one that is outdone later', () => {
    const lists = new IntLists();
    const store = new StateStore(lists);
    const row = (messages: number[], budget: number) =>
      Int32Array.of(1, 2, 3, 0, lists.intern(messages, messages.length), budget, -1, 0, 0);
    expect(store.add(row([1, 4], 0))).toBe(true);
    expect(store.add(row([4], 0))).toBe(false);
    expect(store.add(row([1, 4], cost.crash))).toBe(false);
    expect(store.add(row([5], 0))).toBe(true);
    expect(store.outdone).toBe(0);
    expect(store.add(row([1, 4, 5], 0))).toBe(true);
    expect([store.isOutdone(0), store.isOutdone(1), store.isOutdone(2)]).toEqual([true, true, false]);
  });
});

describe('steps', () => {
  it('leave the state that they start from as it was, and come out the same again', () => {
    const prepares = new Prepares(ZERO_CHECKSUM);
    const table = new LocalTable('disk', prepares, new Messages(prepares));
    const driver = new Driver(table, 2);
    const { nodes } = begin(driver);
    const primary = table.get(nodes[0] as number);
    const before = canonicalText(primary.state, prepares);
    const request = driver.request(primary, 0);
    const asked = table.get(request.to);
    expect(asked.facts.head).not.toBe(primary.facts.head);
    expect(asked.pending).toHaveLength(1);
    const flushed = table.get(driver.flush(asked).to);
    expect(flushed.pending).toHaveLength(0);
    expect(table.get(driver.crash(flushed).to).state.log).toHaveLength(1);
    expect(table.get(driver.crash(asked).to).state.log).toHaveLength(0);
    expect(canonicalText(primary.state, prepares)).toBe(before);
    expect(driver.request(primary, 0)).toBe(request);
  });
});
