import { decodeSubscribed, encodeSubscribe, FrameKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { founded, leader, withTopic } from './testing/cluster.ts';
import type { Loopback } from './testing/loopback.ts';
import { TestClient } from './testing/test-client.ts';

/** Two heartbeats, and what the first of them waits for: what a replica in touch with all others says at most. */
const FRESH_MS = 200;
const TICK_MS = 10;

function cluster() {
  const loopback = founded();
  const { group, producerId } = withTopic(loopback);
  const primary = leader(loopback, group)!;
  loopback.run(20);
  return { loopback, group, producerId, primary, backup: (primary + 1) % 3, other: (primary + 2) % 3 };
}

describe('the age of what is read', () => {
  it('is stated by every replica, in the answer, with records, and while there are none', () => {
    const { loopback, group, producerId, primary } = cluster();
    TestClient.connect(loopback, primary).produce(group, { producerId, sequence: 0 }, ['a']);
    for (const node of [0, 1, 2]) {
      const reader = TestClient.connect(loopback, node);
      const answer = reader.subscribe(group, 1, { start: true }, { maxStalenessMs: FRESH_MS });
      if (!answer.ok) throw answer.error;
      expect(answer.value.ageMs).toBeLessThanOrEqual(FRESH_MS);
      loopback.run(150);
      expect(reader.records(1)).toEqual([{ offset: 0, value: 'a' }]);
      expect(reader.pushes(1)[0]?.ageMs).toBeLessThanOrEqual(FRESH_MS);
      expect(reader.status(1)?.ageMs).toBeLessThanOrEqual(FRESH_MS);
      expect(reader.ending(1)).toBeNull();
    }
  });

  it('grows at a primary that is cut off, which refuses who wants less', () => {
    const { loopback, group, primary } = cluster();
    const reader = TestClient.connect(loopback, primary);
    reader.subscribe(group, 1, { start: true }, { maxStalenessMs: 300 });
    reader.subscribe(group, 2, { start: true });
    loopback.cut = (from, to) => from === primary || to === primary;
    loopback.run(20);
    expect(reader.ending(1)).toBeNull();
    loopback.run(200);
    expect(reader.ending(1)).toMatchObject({ code: 'stale', retryable: true, details: { view: 0 } });
    expect(reader.ending(1)?.details?.ageMs).toBeGreaterThan(300);
    // Without a bound it goes on, and says how old it is. It believes that it leads still.
    expect(leader(loopback, group)).toBe(primary);
    expect(reader.status(2)?.ageMs).toBeGreaterThan(1_000);
    expect(reader.subscribe(group, 3, { start: true }, { maxStalenessMs: 1_000 })).toMatchObject({
      ok: false,
      error: { code: 'stale' },
    });
  });

  it('grows at a backup that is cut off; what it refuses names the primary and its address', () => {
    const { loopback, group, primary, backup } = cluster();
    const reader = TestClient.connect(loopback, backup);
    reader.subscribe(group, 1, { start: true }, { maxStalenessMs: 300 });
    loopback.cut = (from, to) => from === backup || to === backup;
    loopback.run(60);
    expect(reader.ending(1)).toMatchObject({
      code: 'stale',
      details: { primary, address: `127.0.0.1:${7400 + 10 * primary}`, epoch: 0 },
    });
    expect(reader.subscribe(group, 2, { start: true })).toMatchObject({ ok: true });
  });

  it('grows at a backup whose primary is cut off from all others, however often that one answers', () => {
    const loopback = founded(5);
    const { group } = withTopic(loopback, 0, 1, 'disk', 5);
    const primary = leader(loopback, group)!;
    const backup = (primary + 1) % 5;
    const island = [primary, backup];
    loopback.run(20);
    const reader = TestClient.connect(loopback, backup);
    reader.subscribe(group, 1, { start: true }, { maxStalenessMs: 300 });
    loopback.cut = (from, to) => island.includes(from) !== island.includes(to);
    loopback.run(45);
    // It hears its primary all the time, and knows no other view.
    expect(reader.ending(1)).toMatchObject({ code: 'stale', details: { primary, view: 0 } });
  });

  it('counts the time in which the node stood still', () => {
    const { loopback, group, backup } = cluster();
    const reader = TestClient.connect(loopback, backup);
    reader.subscribe(group, 1, { start: true });
    // The others go on without it for two seconds; its own first tick finds its inbox full of heartbeats.
    loopback.paused.add(backup);
    loopback.run(2_000 / TICK_MS);
    loopback.paused.delete(backup);
    expect(reader.subscribe(group, 2, { start: true }, { maxStalenessMs: 1_500 })).toMatchObject({
      ok: false,
      error: { code: 'stale' },
    });
  });
});

describe('a token', () => {
  it('is waited for: a backup answers when it has applied the op that it names', () => {
    const { loopback, group, producerId, primary, backup } = cluster();
    loopback.cut = (from, to) => from === backup || to === backup;
    const ack = TestClient.connect(loopback, primary).produce(group, { producerId, sequence: 0 }, ['mine']);
    if (!ack.ok) throw ack.error;
    const reader = TestClient.connect(loopback, backup);
    const { lossEpoch, op } = ack.value;
    const request = {
      from: { start: true },
      creditBytes: 1_000,
      creditRecords: 10,
      consistency: 'committed',
    } as const;
    for (const [subscription, token] of [
      [1, { lossEpoch, op }],
      [2, undefined],
    ] as const) {
      const payload = encodeSubscribe({ ...request, subscription, token });
      reader.send(FrameKind.subscribe, 100 + subscription, group, payload);
    }
    loopback.run(30);
    const answers = () =>
      reader.frames.filter(({ kind }) => kind === FrameKind.subscribed).map(({ correlation }) => correlation);
    expect(answers()).toEqual([102]);
    expect(reader.records(2)).toEqual([]);
    loopback.cut = () => false;
    loopback.run(100);
    expect(answers()).toEqual([102, 101]);
    expect(reader.records(1)).toEqual([{ offset: 0, value: 'mine' }]);
  });

  it('is not needed to be told that a log has lost its end: the subscription ends', () => {
    const loopback = founded();
    const { group, producerId } = withTopic(loopback, 0, 1, 'memory');
    const primary = leader(loopback, group)!;
    const survivor = (primary + 1) % 3;
    TestClient.connect(loopback, primary).produce(group, { producerId, sequence: 0 }, ['kept']);
    const client = TestClient.connect(loopback, survivor);
    client.subscribe(group, 1, { start: true });
    // The two others forget. By order the group goes on with what one of them has left, and says so.
    for (const node of [0, 1, 2]) if (node !== survivor) loopback.kill(node);
    for (const node of [0, 1, 2]) if (node !== survivor) loopback.start(node);
    expect(loopback.run(600, () => leader(loopback, 0) !== null)).toBe(true);
    loopback.run(100);
    for (const node of [0, 1, 2]) {
      const operator = TestClient.connect(loopback, node, 'control');
      operator.call({ op: 'coldStart', group, without: false });
      operator.disconnect();
    }
    expect(loopback.run(2_000, () => client.ending(1) !== null)).toBe(true);
    expect(client.ending(1)).toMatchObject({ code: 'lossEpochChanged', retryable: false });
    expect(client.subscribe(group, 2, { start: true })).toMatchObject({ ok: true, value: { lossEpoch: 1 } });
  });
});

describe('a linearizable read', () => {
  const linearizable = { consistency: 'linearizable' } as const;

  it('is served by every replica, and holds what was acked before it, however far that one was behind', () => {
    const { loopback, group, producerId, primary, backup } = cluster();
    const producer = TestClient.connect(loopback, primary);
    for (let sequence = 0; sequence < 3; sequence++) {
      expect(producer.produce(group, { producerId, sequence }, ['a', 'b'])).toMatchObject({ ok: true });
      for (const node of [0, 1, 2]) {
        const answer = TestClient.connect(loopback, node).subscribe(group, 1, { end: true }, linearizable);
        expect(answer).toMatchObject({ ok: true, value: { end: 2 * sequence + 2, from: 2 * sequence + 2 } });
      }
    }
    // The commit number is on its way to nobody while the backup is cut off: so its answer takes until that is over.
    loopback.cut = (from, to) => from === backup || to === backup;
    producer.produce(group, { producerId, sequence: 3 }, ['late']);
    const reader = TestClient.connect(loopback, backup);
    const request = { from: { end: true }, creditBytes: 1, creditRecords: 1, ...linearizable } as const;
    reader.send(FrameKind.subscribe, 9, group, encodeSubscribe({ ...request, subscription: 1 }));
    loopback.run(30);
    expect(reader.frames.filter(({ kind }) => kind === FrameKind.subscribed)).toEqual([]);
    loopback.cut = () => false;
    loopback.run(60);
    const answer = reader.frames.find(({ kind }) => kind === FrameKind.subscribed);
    expect(decodeSubscribed(answer?.payload ?? Buffer.alloc(0))).toMatchObject({ value: { end: 7 } });
  });

  it('is not served by a primary that is cut off, which says the bounds of the partition to nobody either', () => {
    const { loopback, group, producerId, primary, backup, other } = cluster();
    loopback.cut = (from, to) => from === primary || to === primary;
    expect(loopback.run(300, () => [backup, other].some((node) => isLeading(loopback, node, group)))).toBe(
      true,
    );
    const next = isLeading(loopback, backup, group) ? backup : other;
    const ack = TestClient.connect(loopback, next).produce(group, { producerId, sequence: 0 }, ['new']);
    expect(ack).toMatchObject({ ok: true });
    // The old one believes that it leads still; a read without a consistency of its own gets the log as it was.
    expect(isLeading(loopback, primary, group)).toBe(true);
    const client = TestClient.connect(loopback, primary);
    expect(client.subscribe(group, 1, { end: true })).toMatchObject({ ok: true, value: { end: 0 } });
    expect(client.subscribe(group, 2, { end: true }, linearizable)).toMatchObject({
      ok: false,
      error: { code: 'behind' },
    });
    const control = TestClient.connect(loopback, primary, 'control');
    expect(control.call({ op: 'partitionInfo', group })).toMatchObject({
      ok: false,
      error: { code: 'notReady' },
    });
    for (const node of [backup, other]) {
      const reader = TestClient.connect(loopback, node);
      expect(reader.subscribe(group, 1, { end: true }, linearizable)).toMatchObject({ value: { end: 1 } });
    }
  });

  it('of an offset that is not there yet is out of range, at a backup too', () => {
    const { loopback, group, backup } = cluster();
    const reader = TestClient.connect(loopback, backup);
    expect(reader.subscribe(group, 1, { offset: 5 }, linearizable)).toMatchObject({
      ok: false,
      error: { code: 'offsetOutOfRange', details: { start: 0, end: 0 } },
    });
  });

  it('waits out a view change', () => {
    const { loopback, group, primary, backup } = cluster();
    const reader = TestClient.connect(loopback, backup);
    loopback.kill(primary);
    expect(reader.subscribe(group, 1, { start: true }, linearizable)).toMatchObject({
      ok: true,
      value: { view: 1 },
    });
  });
});

function isLeading(loopback: Loopback, node: number, group: number): boolean {
  return loopback
    .broker(node)
    .groups()
    .some(({ id, leading }) => id === group && leading);
}
