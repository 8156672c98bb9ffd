import { ZERO_CHECKSUM } from '@vireo/protocol';
import type { Message, ReplicaState, StateRecord } from '@vireo/vsr';
import { describe, expect, it, vi } from 'vitest';
import { begin } from './beginning.ts';
import { defaultBounds } from './bounds.ts';
import { cost, leavesNoLess, spend, used, whoGoesOn } from './budget.ts';
import { canonicalText } from './canonical-text.ts';
import { Driver } from './driver.ts';
import { IntLists } from './int-lists.ts';
import type { LocalState } from './local-state.ts';
import { LocalTable } from './local-table.ts';
import { MessageUse } from './message-use.ts';
import { Messages, STALE_NONCE } from './messages.ts';
import { Prepares } from './prepares.ts';
import { copyState, forgetUnread } from './replica-copy.ts';
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
    const table = new LocalTable(defaultBounds, prepares, new Messages(prepares));
    const driver = new Driver(table, defaultBounds);
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

describe('messages that are ignored', () => {
  it('are told from one that is not, wherever it stands among them', () => {
    const { driver, nodes, messages, backup } = beginInMemory(true);
    const primary = nodes[0] as LocalState;
    const { sent } = driver.request(primary, 0);
    const prepare = sent.find((id) => messages.get(id).message.type === 'prepare') as number;
    const asked = driver.crash(backup).sent.find((id) => messages.get(id).asks !== 0) as number;
    const answer = driver.deliver(primary, asked).sent.find((id) => messages.get(id).to === 1) as number;
    expect(driver.firstNoticed(backup, [answer])).toBe(-1);
    expect(driver.firstNoticed(backup, [answer, prepare])).toBe(prepare);
    expect(driver.firstNoticed(backup, [prepare, answer])).toBe(prepare);
    expect(driver.firstNoticed(backup, [])).toBe(-1);
  });
});

/** A new group in mode `memory`. */
function beginInMemory(reduced: boolean) {
  const bounds = { ...defaultBounds, mode: 'memory', reduced } as const;
  const prepares = new Prepares(ZERO_CHECKSUM);
  const messages = new Messages(prepares);
  const table = new LocalTable(bounds, prepares, messages);
  const driver = new Driver(table, bounds);
  const nodes = begin(driver).nodes.map((id) => table.get(id));
  return { bounds, messages, table, driver, nodes, backup: nodes[1] as LocalState };
}

describe('reductions', () => {
  it.each([true, false])(
    'take records alike that make no difference to the next start, and no others; reduced: %s',
    (reduced) => {
      const { table, backup } = beginInMemory(reduced);
      const { node, state, durable } = backup;
      const { record } = durable.recovery;
      if (record === null) throw new Error('a new group has a promise');
      const withRecord = (change: Partial<StateRecord>) => {
        const items = [{ type: 'state', record: { ...record, ...change } }] as const;
        const changed = table.durableOf(items, durable.checkpoint, durable.starts);
        if (changed === null) throw new Error('a record can be read');
        return table.intern(node, copyState(state), changed, []);
      };
      expect(withRecord({})).toBe(backup.id);
      expect(withRecord({ commitMax: record.commitMax + 1 }) === backup.id).toBe(reduced);
      expect(withRecord({ view: record.view + 1 })).not.toBe(backup.id);
      expect(withRecord({ mark: false })).not.toBe(backup.id);
    },
  );

  it('end the write of a copy with the start, and count every run as the first', () => {
    for (const reduced of [true, false]) {
      const { table, driver, backup } = beginInMemory(reduced);
      const first = table.get(driver.crash(backup).to);
      expect(first.facts.recovers).toBe(true);
      expect(first.pending).toHaveLength(reduced ? 0 : 1);
      expect(driver.crash(first).to === first.id).toBe(reduced);
    }
  });

  it('forget an ack that is due where none is made, and votes that have decided', () => {
    const { backup } = beginInMemory(true);
    const vote = { type: 'doViewChange' } as Extract<Message, { type: 'doViewChange' }>;
    const formation = { commitMax: 1, anchorOp: 1, anchorChecksum: ZERO_CHECKSUM, headers: [], bodies: [] };
    const forgotten = (change: Partial<ReplicaState>, leads: boolean) => {
      const state = { ...copyState(backup.state), ackDue: true, votes: [vote, null, null], ...change };
      forgetUnread(state, leads);
      return [state.ackDue, state.votes[0] === null];
    };
    expect(forgotten({}, false)).toEqual([true, false]);
    expect(forgotten({}, true)).toEqual([false, false]);
    expect(forgotten({ status: 'viewChange' }, false)).toEqual([false, false]);
    expect(forgotten({ status: 'viewChange', formation }, true)).toEqual([false, true]);
  });

  it('call the answers to a run that is over stale, and its question useless', () => {
    const { messages, driver, nodes, backup } = beginInMemory(true);
    const asked = driver.crash(backup).sent.find((id) => messages.get(id).asks !== 0) as number;
    const answer = driver.deliver(nodes[0] as LocalState, asked).sent.find((id) => messages.get(id).to === 1);
    const stale = messages.staleOf(answer as number, 1);
    expect(messages.get(stale).message).toMatchObject({ type: 'startView', nonce: STALE_NONCE });
    expect(messages.staleOf(stale, 1)).toBe(stale);
    expect(messages.staleOf(answer as number, 2)).toBe(answer);
    expect(messages.staleOf(asked, 1)).toBe(-1);
    expect(messages.staleOf(asked, 0)).toBe(asked);
  });

  it('drop the log of a view for who has taken it up, unless it waits for an answer, and try whether that was right', () => {
    const { bounds, messages, driver, nodes, backup } = beginInMemory(true);
    const facts = nodes.map((node) => node.facts);
    const use = new MessageUse(messages, bounds, facts, true);
    const crashed = driver.crash(backup);
    const asked = crashed.sent.find((id) => messages.get(id).asks !== 0) as number;
    const answer = driver.deliver(nodes[0] as LocalState, asked).sent.find((id) => messages.get(id).to === 1);
    expect(use.isOfUse(answer as number)).toBe(false);
    expect(new MessageUse(messages, bounds, facts, false).isOfUse(answer as number)).toBe(true);
    facts[1] = driver.table.get(crashed.to).facts;
    expect(use.isOfUse(answer as number)).toBe(true);
    expect(use.findTakenUpTwice(driver)).toBeNull();
    vi.spyOn(driver, 'firstNoticed').mockImplementation(({ node }) => (node === 1 ? 7 : -1));
    expect(use.findTakenUpTwice(driver)).toMatchObject({ local: { node: 1 }, message: 7 });
  });
});
