import { describe, expect, it } from 'vitest';
import { Bench, chain, promise } from './testing/bench.ts';

/** Linearizable reads: what is asked of whom, and what counts as an answer. */

const view = { epoch: 0, view: 1 };

/** The primary of view 1 of `n`; its noop, op 1, waits for acks. */
function primaryOf(n: number): Bench {
  const bench = new Bench(n, 1, promise(1, 0, []), []);
  bench.flush();
  for (let voter = 0; voter < n; voter++) if (voter !== 1) bench.vote(voter, 1, 0, []);
  bench.flush();
  return bench;
}

function ack(bench: Bench, from: number): void {
  const checksum = bench.of('prepare').at(-1)?.prepare.header.checksum ?? '';
  bench.receive(from, { type: 'prepareOk', ...view, op: 1, checksum, commitMin: 0 });
}

/** A primary of `n` whose noop has committed. */
function leading(n: number): Bench {
  const bench = primaryOf(n);
  for (let member = 0; member < n; member++) if (member !== 1) ack(bench, member);
  expect(bench.replica.leading).toBe(true);
  bench.sent = [];
  return bench;
}

function read(bench: Bench, id: number): void {
  bench.step({ type: 'read', id });
}

/** Numbers of the rounds sent so far, each once. */
const rounds = (bench: Bench) => [...new Set(bench.of('readIndex').map(({ number }) => number))];
const answered = (bench: Bench) => bench.replies.map(({ requestId }) => requestId);

function confirm(bench: Bench, from: number, number: number, op = 0, at = view): void {
  bench.receive(from, { type: 'readIndexOk', ...at, number, op });
}

describe('a linearizable read at the primary', () => {
  it('waits for the noop of its view, then for a quorum that answers a round sent after it', () => {
    const bench = primaryOf(3);
    read(bench, 7);
    bench.tick(20);
    expect(rounds(bench)).toEqual([]);
    ack(bench, 0);
    const [round = 0] = rounds(bench);
    expect(bench.of('readIndex')).toHaveLength(2);
    expect(answered(bench)).toEqual([]);
    confirm(bench, 2, round);
    expect(bench.replies).toEqual([{ requestId: 7, outcome: { type: 'reply', reply: 1 } }]);
  });

  it('counts no answer to an earlier round: that was sent before the read arrived', () => {
    const bench = leading(3);
    read(bench, 1);
    const [first = 0] = rounds(bench);
    confirm(bench, 0, first);
    expect(answered(bench)).toEqual([1]);
    read(bench, 2);
    confirm(bench, 2, first);
    expect(answered(bench)).toEqual([1]);
    confirm(bench, 2, rounds(bench)[1] ?? 0);
    expect(answered(bench)).toEqual([1, 2]);
  });

  it('needs as many answers as a replication quorum, itself included', () => {
    const bench = leading(5);
    read(bench, 1);
    const [round = 0] = rounds(bench);
    confirm(bench, 0, round);
    confirm(bench, 0, round);
    expect(answered(bench)).toEqual([]);
    confirm(bench, 4, round);
    expect(answered(bench)).toEqual([1]);
  });

  it('shares a round with all that arrived before it was sent; who comes meanwhile is in the next', () => {
    const bench = leading(3);
    for (const id of [1, 2]) bench.replica.step({ type: 'read', id }, bench);
    bench.replica.settle(bench);
    for (const id of [3, 4, 5]) read(bench, id);
    const [first = 0, ...others] = rounds(bench);
    expect(others).toEqual([]);
    confirm(bench, 0, first);
    expect(answered(bench)).toEqual([1, 2]);
    const [, second = 0, ...more] = rounds(bench);
    expect(more).toEqual([]);
    confirm(bench, 0, second);
    expect(answered(bench)).toEqual([1, 2, 3, 4, 5]);
  });

  it('sends another round when answers do not come; an answer to it stands for the earlier one', () => {
    const bench = leading(3);
    read(bench, 1);
    bench.tick(10);
    const [, second = 0] = rounds(bench);
    confirm(bench, 0, second);
    expect(answered(bench)).toEqual([1]);
  });

  it('is refused when the view is left, and by who is in none; answers of the old view count for nothing', () => {
    const bench = leading(3);
    read(bench, 1);
    const [round = 0] = rounds(bench);
    bench.receive(0, { type: 'doViewChange', ...promise(4, 1, []) });
    read(bench, 2);
    const refused = { type: 'refused', code: 'notReady', epoch: 0, view: 4, primary: 1 };
    expect(bench.replies).toEqual([
      { requestId: 1, outcome: refused },
      { requestId: 2, outcome: refused },
    ]);
    confirm(bench, 0, round);
    confirm(bench, 2, round);
    expect(bench.replies).toHaveLength(2);
  });

  it('waits in a bounded queue', () => {
    const bench = leading(3);
    for (let id = 1; id <= 1_024; id++) bench.replica.step({ type: 'read', id }, bench);
    expect(bench.replies).toEqual([]);
    read(bench, 9_999);
    expect(bench.replies).toMatchObject([
      { requestId: 9_999, outcome: { type: 'refused', code: 'overloaded' } },
    ]);
  });

  it('alone is answered at once, when its noop has committed', () => {
    const bench = new Bench(1, 0, null, []);
    bench.flush();
    bench.tick(1);
    bench.flush();
    read(bench, 1);
    expect(answered(bench)).toEqual([1]);
  });
});

describe('a linearizable read at a backup', () => {
  const log = chain(0, 0);
  const at = { epoch: 0, view: 0 };
  const backup = (startCounter = 1) => new Bench(3, 1, promise(0, 0, log), log, { startCounter });

  it('asks the primary which op it has to see, and is answered when that is applied', () => {
    const bench = backup();
    read(bench, 5);
    expect(bench.sent.filter(({ message }) => message.type === 'readIndex')).toMatchObject([
      { to: 0, message: at },
    ]);
    const [round = 0] = rounds(bench);
    confirm(bench, 2, round, 2, at);
    expect(answered(bench)).toEqual([]);
    confirm(bench, 0, round, 3, at);
    expect(bench.replica.state.commitMin).toBe(2);
    expect(answered(bench)).toEqual([]);
    bench.repair(0, 3, chain(0, 0, 0).slice(2));
    expect(bench.replies).toEqual([{ requestId: 5, outcome: { type: 'reply', reply: 3 } }]);
  });

  it('takes no answer for one to a question of its process before', () => {
    const before = backup(1);
    read(before, 5);
    const bench = backup(2);
    read(bench, 6);
    confirm(bench, 0, rounds(before)[0] ?? 0, 0, at);
    expect(answered(bench)).toEqual([]);
    confirm(bench, 0, rounds(bench)[0] ?? 0, 0, at);
    expect(answered(bench)).toEqual([6]);
  });

  it('is asked by its primary whether it is in this view: only what is durable is said', () => {
    const bench = backup();
    bench.startView(2, 2, null, log);
    const ask = { type: 'readIndex', epoch: 0, view: 2, number: 9 } as const;
    bench.receive(2, ask);
    expect(bench.of('readIndexOk')).toEqual([]);
    bench.flush();
    bench.receive(0, ask);
    expect(bench.of('readIndexOk')).toEqual([]);
    bench.receive(2, ask);
    expect(bench.of('readIndexOk')).toEqual([{ ...ask, type: 'readIndexOk', op: 0 }]);
  });
});

describe('a primary that is asked by a backup', () => {
  it('answers with its commit number when a quorum has confirmed a round sent after the question', () => {
    const bench = leading(5);
    bench.receive(3, { type: 'readIndex', ...view, number: 40 });
    const [round = 0] = rounds(bench);
    confirm(bench, 0, round);
    expect(bench.of('readIndexOk')).toEqual([]);
    confirm(bench, 2, round);
    expect(bench.sent.filter(({ message }) => message.type === 'readIndexOk')).toEqual([
      { to: 3, message: { type: 'readIndexOk', ...view, number: 40, op: 1 } },
    ]);
  });

  it('keeps two questions of each at most: the one that is about to be answered, and a later one', () => {
    const bench = leading(3);
    for (let number = 1; number <= 50; number++) bench.receive(0, { type: 'readIndex', ...view, number });
    expect(bench.replica.state.reads).toHaveLength(2);
    for (const round of [rounds(bench)[0] ?? 0, rounds(bench)[0] ?? 0]) confirm(bench, 2, round);
    confirm(bench, 2, rounds(bench)[1] ?? 0);
    expect(bench.of('readIndexOk').map(({ number }) => number)).toEqual([1, 50]);
  });
});
