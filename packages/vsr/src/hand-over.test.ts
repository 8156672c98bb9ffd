import { describe, expect, it } from 'vitest';
import { Bench, promise } from './testing/bench.ts';

/** A primary that lets another one lead. */

/** The primary of view 1 of `n`, whose noop, op 1, all have acknowledged. */
function leading(n = 3): Bench {
  const bench = new Bench(n, 1, promise(1, 0, []), []);
  bench.flush();
  for (let voter = 0; voter < n; voter++) if (voter !== 1) bench.vote(voter, 1, 0, []);
  bench.flush();
  for (let member = 0; member < n; member++) if (member !== 1) ack(bench, member);
  bench.flush();
  expect(bench.replica.leading).toBe(true);
  bench.sent = [];
  return bench;
}

function ack(bench: Bench, from: number): void {
  const { op, checksum } = bench.of('prepare').at(-1)!.prepare.header;
  bench.receive(from, { type: 'prepareOk', epoch: 0, view: 1, op, checksum, commitMin: 0 });
}

const handOver = (bench: Bench, to: number) => bench.step({ type: 'handOver', to });
const votes = (bench: Bench) => bench.sent.filter(({ message }) => message.type === 'doViewChange');

describe('a primary that hands over', () => {
  it('promises the next view that the successor leads, and votes in it before all members', () => {
    for (const [to, view] of [
      [2, 2],
      [0, 3],
    ] as const) {
      const bench = leading();
      expect(bench.replica.successors).toContain(to);
      handOver(bench, to);
      expect(votes(bench)).toEqual([]);
      bench.flush();
      expect(bench.replica.state).toMatchObject({ status: 'viewChange', view, logView: 1 });
      expect(votes(bench).map((each) => each.to)).toEqual([0, 2]);
      expect(bench.of('doViewChange')).toMatchObject([
        { view, logView: 1, commitMax: 1 },
        { view, logView: 1 },
      ]);
    }
  });

  it('takes nothing on, and waits until its log is committed and the successor has all of it', () => {
    const bench = leading();
    bench.request(1);
    ack(bench, 0);
    handOver(bench, 2);
    bench.request(2);
    expect(bench.replies.find(({ requestId }) => requestId === 2)?.outcome).toMatchObject({
      code: 'notReady',
    });
    bench.flush();
    expect(bench.replica.state).toMatchObject({ status: 'normal', commitMax: 2 });
    ack(bench, 2);
    expect(bench.replica.state).toMatchObject({ status: 'viewChange', view: 2 });
    // The ack was told before, for the op was committed.
    expect(bench.replies.find(({ requestId }) => requestId === 1)?.outcome).toMatchObject({ type: 'reply' });
  });

  it('goes on in its view when the successor does not come along', () => {
    const bench = leading();
    bench.request(1);
    ack(bench, 0);
    bench.flush();
    handOver(bench, 2);
    bench.tick(29);
    expect(bench.replica.state.abdicating).toBe('handingOver');
    bench.tick(1);
    expect(bench.replica.state).toMatchObject({ abdicating: 'no', status: 'normal', view: 1 });
    bench.request(2);
    expect(bench.of('prepare').at(-1)?.prepare.header.op).toBe(3);
    // An ack that comes now is no reason to go any more.
    ack(bench, 2);
    expect(bench.replica.state.status).toBe('normal');
  });

  it('is asked in vain for one who lacks more than a pipeline, for itself, and for nobody', () => {
    const bench = leading();
    for (let id = 1; id <= 5; id++) {
      bench.request(id);
      ack(bench, 0);
      bench.flush();
    }
    expect(bench.replica.successors).toEqual([0]);
    for (const to of [2, 1, 7]) handOver(bench, to);
    expect(bench.replica.state).toMatchObject({ abdicating: 'no', status: 'normal' });
  });

  it('is not one that has halted, or whose disk has failed: it promises nothing any more', () => {
    const halted = leading();
    halted.replica.halt(halted);
    const failed = leading();
    failed.request(1);
    failed.step({ type: 'persisted', token: failed.writes.shift()!.token, ok: false });
    ack(failed, 0);
    ack(failed, 2);
    for (const bench of [halted, failed]) {
      handOver(bench, 2);
      expect(bench.writes).toEqual([]);
      expect(bench.replica.state).toMatchObject({ status: 'normal', view: 1 });
    }
  });

  it('is a backup to whom nobody can hand over, nor a primary before its first op is committed', () => {
    const backup = new Bench(3, 2, promise(1, 1, []), []);
    handOver(backup, 0);
    const early = new Bench(3, 1, promise(1, 0, []), []);
    early.flush();
    early.vote(0, 1, 0, []);
    early.flush();
    handOver(early, 2);
    for (const { replica } of [backup, early]) {
      expect(replica.successors).toEqual([]);
      expect(replica.state.abdicating).toBe('no');
    }
  });
});
