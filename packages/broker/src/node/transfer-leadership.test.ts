import { describe, expect, it } from 'vitest';
import { founded, leader, withTopic } from './testing/cluster.ts';
import { TestClient } from './testing/test-client.ts';

function cluster(nodes = 3) {
  const loopback = founded(nodes);
  const { group, producerId } = withTopic(loopback, 0, 1, 'disk', nodes);
  const primary = leader(loopback, group)!;
  loopback.run(20);
  const ask = (node: number, target?: number) =>
    TestClient.connect(loopback, node, 'control').call({ op: 'transfer', group, target });
  return { loopback, group, producerId, primary, ask };
}

describe('leadership that is handed over', () => {
  it('goes to whom it was meant for, under load, and nothing is lost', () => {
    const { loopback, group, producerId, primary, ask } = cluster();
    let leads = primary;
    let sequence = 0;
    const produce = (value: string) => {
      const answer = TestClient.connect(loopback, leads).produce(group, { producerId, sequence }, [value]);
      if (answer.ok) sequence++;
      return answer;
    };
    for (const target of [2, 1, 0, 2].map((distance) => (primary + distance) % 3)) {
      expect(produce(`before ${target}`).ok).toBe(true);
      expect(ask(leads, target)).toMatchObject({ ok: true });
      expect(loopback.run(30, () => leader(loopback, group) === target)).toBe(true);
      leads = target;
      expect(loopback.run(30, () => produce(`after ${target}`).ok)).toBe(true);
    }
    const reader = TestClient.connect(loopback, leads);
    reader.subscribe(group, 1, { start: true });
    loopback.run(5);
    expect(reader.records(1)).toHaveLength(sequence);
  });

  it('goes to anybody when nobody is named; who leads already stays', () => {
    const { loopback, group, primary, ask } = cluster();
    expect(ask(primary, primary)).toMatchObject({ ok: true });
    loopback.run(50);
    expect(leader(loopback, group)).toBe(primary);
    expect(ask(primary)).toMatchObject({ ok: true });
    expect(loopback.run(30, () => ![null, primary].includes(leader(loopback, group)))).toBe(true);
  });

  it('is refused with a reason: by a backup, for no member, for one that lacks the end, of a group of one', () => {
    const { loopback, group, producerId, primary, ask } = cluster();
    const backup = (primary + 1) % 3;
    expect(ask(backup, backup)).toMatchObject({
      ok: false,
      error: { code: 'notPrimary', details: { primary } },
    });
    expect(ask(primary, 9)).toMatchObject({ ok: false, error: { code: 'invalid' } });
    loopback.kill(backup);
    const client = TestClient.connect(loopback, primary);
    for (let sequence = 0; sequence < 80; sequence++) client.produce(group, { producerId, sequence }, ['x']);
    expect(ask(primary, backup)).toMatchObject({ ok: false, error: { code: 'behind' } });
    expect(leader(loopback, group)).toBe(primary);
    const alone = cluster(1);
    expect(alone.ask(0)).toMatchObject({ ok: false, error: { code: 'invalid' } });
  });
});
