import { describe, expect, test } from 'vitest';
import { MetadataMachine } from './machine.ts';
import { setUp } from './testing/set-up.ts';

describe('a cold start', () => {
  test('gives no stamp and no id again that a lost op may have given', () => {
    const { machine, log, createStream, createTopic, register } = setUp();
    createStream('shop');
    createTopic('shop/a');
    register(1);
    const before = machine.stamp;
    log.coldStart();
    expect(machine.stamp).toBe(2 ** 40 + before + 1);
    expect(register(2)).toMatchObject({ sessionId: 2 ** 40 + before + 2 });
    expect(machine.sessionStanding(before + 1)).toBe('absent');
    expect(createStream('other')).toMatchObject({ streamId: 2 ** 20 + 2 });
    expect(createTopic('shop/b')).toMatchObject({
      topic: { id: 2 ** 20 + 2, groups: [{ group: 2 ** 20 + 3 }, {}] },
    });
    log.coldStart();
    expect(machine.stamp).toBeGreaterThan(2 ** 41);
  });

  test('leaves it open what became of ids that were given before it', () => {
    const { machine, log, createStream, createTopic, run } = setUp();
    createStream('shop');
    createTopic('shop/a');
    run(machine.planDeleteTopic('shop', 'a'));
    expect(machine.isSurelyGone(1)).toBe(true);
    log.coldStart();
    createTopic('shop/b', { partitions: 1 });
    const { group } = machine.groups()[0]!;
    run(machine.planDeleteTopic('shop', 'b'));
    expect([1, 3, group].map((id) => machine.groupStanding(id))).toEqual(['gone', 'gone', 'gone']);
    expect([1, 3, group].map((id) => machine.isSurelyGone(id))).toEqual([false, false, true]);
    const copy = new MetadataMachine({ onGroupCreated: () => {}, onGroupDeleted: () => {} });
    copy.restore(machine.snapshot());
    expect([copy.isSurelyGone(3), copy.isSurelyGone(group)]).toEqual([false, true]);
  });
});

describe('the durability of a topic', () => {
  test('is altered by name or id; the creation records of its partitions stay', () => {
    const { machine, createStream, createTopic, run } = setUp();
    createStream('shop');
    const created = createTopic('shop/a');
    const { version } = (created as { topic: { version: number } }).topic;
    const byName = machine.planAlterTopic({ stream: 'shop', topic: 'a' }, 'memory');
    expect(run(byName)).toMatchObject({ ok: true, type: 'topicAltered', stamp: version + 1 });
    expect(machine.durabilityOf(1)).toBe('memory');
    expect(machine.lookupTopic('shop', 'a')).toMatchObject({
      topic: { durability: 'memory', version: version + 1 },
    });
    expect(machine.groups().map(({ mode }) => mode)).toEqual(['disk', 'disk']);
    // Again: no effect, and so no new version.
    expect(run(machine.planAlterTopic({ topicId: 1 }, 'memory'))).toMatchObject({ ok: true });
    expect(machine.lookupTopic('shop', 'a')).toMatchObject({ topic: { version: version + 1 } });
    const copy = new MetadataMachine({ onGroupCreated: () => {}, onGroupDeleted: () => {} });
    copy.restore(machine.snapshot());
    expect(copy.snapshot().equals(machine.snapshot())).toBe(true);
    expect(copy.durabilityOf(1)).toBe('memory');
  });

  test('of a topic that is not there can not be altered', () => {
    const { machine, createStream, run } = setUp();
    createStream('shop');
    expect(run(machine.planAlterTopic({ stream: 'shop', topic: 'a' }, 'disk'))).toMatchObject({
      code: 'unknownTopic',
    });
    expect(run(machine.planAlterTopic({ topicId: 9 }, 'disk'))).toMatchObject({ code: 'unknownTopic' });
    expect(machine.durabilityOf(9)).toBeNull();
  });
});
