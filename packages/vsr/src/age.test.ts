import { describe, expect, it } from 'vitest';
import type { AgeAnswer } from './message.ts';
import { Bench, chain, promise } from './testing/bench.ts';

/** How old a replica says that what it knows is, and what makes it younger. */

const PING_TICKS = 5;
const at = { epoch: 0, view: 0 };

/** The primary of view 1 of `n`, with its noop committed at 1,000 ms. */
function primaryOf(n: number): Bench {
  const bench = new Bench(n, 1, promise(1, 0, []), []);
  bench.flush();
  for (let voter = 0; voter < n; voter++) if (voter !== 1) bench.vote(voter, 1, 0, []);
  bench.flush();
  bench.nowMs = 1_000;
  return bench;
}

function ack(bench: Bench, from: number): void {
  const checksum = bench.of('prepare').at(-1)?.prepare.header.checksum ?? '';
  bench.receive(from, { type: 'prepareOk', epoch: 0, view: 1, op: 1, checksum, commitMin: 0 });
}

function pong(bench: Bench, from: number, sentMs: number, view = 1): void {
  bench.receive(from, { type: 'pong', epoch: 0, view, sentMs, question: { run: 9, sentMs: 77 } });
}

/** A heartbeat of node 0 to a backup of view 0. */
function ping(bench: Bench, commitMax: number, answer: AgeAnswer | null): void {
  bench.receive(0, { type: 'ping', ...at, op: commitMax, commitMax, normal: true, sentMs: 4, answer });
}

describe('the age of a primary', () => {
  it('is not known before its noop has committed, whoever answers', () => {
    const bench = primaryOf(3);
    pong(bench, 0, 990);
    expect(bench.replica.ageMs).toBe(Number.POSITIVE_INFINITY);
    ack(bench, 0);
    expect(bench.replica.leading).toBe(true);
    expect(bench.replica.ageMs).toBe(10);
  });

  it('counts from when the heartbeats were sent that a replication quorum has answered', () => {
    const bench = primaryOf(5);
    ack(bench, 0);
    ack(bench, 2);
    pong(bench, 0, 990);
    // Itself and one more are two of five: three make a quorum.
    expect(bench.replica.ageMs).toBe(Number.POSITIVE_INFINITY);
    pong(bench, 2, 940);
    expect(bench.replica.ageMs).toBe(60);
    pong(bench, 3, 970);
    expect(bench.replica.ageMs).toBe(30);
  });

  it('grows by its clock when nobody answers, and an old answer that arrives late is an old one', () => {
    const bench = primaryOf(3);
    ack(bench, 0);
    pong(bench, 0, 995);
    // Stopped for a minute: no tick in all that time.
    bench.nowMs = 61_000;
    expect(bench.replica.ageMs).toBe(60_005);
    pong(bench, 2, 1_000);
    expect(bench.replica.ageMs).toBe(60_000);
  });

  it('forgets the answers of its view when it leaves it', () => {
    const bench = primaryOf(3);
    ack(bench, 0);
    pong(bench, 0, 1_000);
    bench.receive(0, { type: 'doViewChange', ...promise(4, 1, []) });
    expect(bench.replica.ageMs).toBe(Number.POSITIVE_INFINITY);
    pong(bench, 2, 1_000);
    expect(bench.replica.ageMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('alone is nothing', () => {
    const bench = new Bench(1, 0, null, []);
    expect(bench.replica.ageMs).toBe(Number.POSITIVE_INFINITY);
    bench.flush();
    bench.tick(1);
    bench.flush();
    bench.nowMs = 5;
    expect(bench.replica.leading).toBe(true);
    expect(bench.replica.ageMs).toBe(0);
  });

  it('is said in the heartbeat, as the answer to the last question of its receiver', () => {
    const bench = primaryOf(3);
    ack(bench, 0);
    pong(bench, 0, 960);
    bench.sent = [];
    bench.nowMs = 1_000.4;
    bench.tick(PING_TICKS);
    expect(bench.sent.filter(({ message }) => message.type === 'ping')).toMatchObject([
      { to: 0, message: { commitMax: 1, sentMs: 1_000, answer: { run: 9, sentMs: 77, ageMs: 41 } } },
      { to: 2, message: { sentMs: 1_000, answer: null } },
    ]);
  });
});

describe('the age of a backup', () => {
  const log = chain(0, 0);
  const backup = () => new Bench(3, 1, promise(0, 0, log), log, { startCounter: 6 });

  it('answers each heartbeat with its own clock, and counts from there when the next one names that', () => {
    const bench = backup();
    bench.nowMs = 500.7;
    ping(bench, 0, null);
    expect(bench.of('pong')).toEqual([{ type: 'pong', ...at, sentMs: 4, question: { run: 6, sentMs: 500 } }]);
    expect(bench.replica.ageMs).toBe(Number.POSITIVE_INFINITY);
    bench.nowMs = 560;
    ping(bench, 0, { run: 6, sentMs: 500, ageMs: 30 });
    expect(bench.replica.ageMs).toBe(90);
  });

  it('grows by its clock: a pause of its own, or an answer that took long, makes it older', () => {
    const bench = backup();
    bench.nowMs = 9_000;
    ping(bench, 0, { run: 6, sentMs: 500, ageMs: 0 });
    expect(bench.replica.ageMs).toBe(8_500);
    bench.nowMs = 10_000;
    expect(bench.replica.ageMs).toBe(9_500);
  });

  it('does not take an answer to a question of an earlier process for its own', () => {
    const bench = backup();
    bench.nowMs = 600;
    ping(bench, 0, { run: 5, sentMs: 600, ageMs: 0 });
    expect(bench.replica.ageMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('counts an answer when what was committed then is applied, and waits for the first of several', () => {
    const bench = backup();
    bench.nowMs = 1_000;
    const answered = (commitMax: number, sentMs: number) =>
      ping(bench, commitMax, { run: 6, sentMs, ageMs: 0 });
    answered(1, 900);
    expect(bench.replica.state.commitMin).toBe(1);
    // Beyond its log: the bodies have to be fetched.
    answered(4, 940);
    answered(5, 960);
    answered(6, 990);
    expect(bench.replica.ageMs).toBe(100);
    const more = chain(0, 0, 0, 0, 0, 0);
    bench.repair(0, 6, more.slice(2, 4));
    expect(bench.replica.ageMs).toBe(60);
    bench.repair(0, 6, more.slice(4));
    expect(bench.replica.ageMs).toBe(10);
  });

  it('is silent while its view is not durable', () => {
    const bench = backup();
    bench.startView(2, 2, null, log);
    bench.receive(2, {
      type: 'ping',
      epoch: 0,
      view: 2,
      op: 2,
      commitMax: 0,
      normal: true,
      sentMs: 4,
      answer: null,
    });
    expect(bench.of('pong')).toEqual([]);
    bench.flush();
    bench.receive(2, {
      type: 'ping',
      epoch: 0,
      view: 2,
      op: 2,
      commitMax: 0,
      normal: true,
      sentMs: 5,
      answer: null,
    });
    expect(bench.of('pong')).toMatchObject([{ view: 2, sentMs: 5 }]);
  });
});
