import type { Prepare } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { DEFAULT_TIMEOUTS, type Message, REPAIR_BYTES_MAX } from './index.ts';
import { encodeMessage } from './message-codec.ts';
import { Bench, chain, prepare, promise } from './testing/bench.ts';

/** Rules of docs/protocol.md, told to one replica, its messages and writes in our hands. */

const { suspicion, suspicionJitter, suspectWindow, retransmit, requestStartView, ping, progress } =
  DEFAULT_TIMEOUTS;

const startViewChange = (view: number): Message => ({ type: 'startViewChange', epoch: 0, view });
const pingOf = (view: number): Message => ({
  type: 'ping',
  epoch: 0,
  view,
  op: 0,
  commitMax: 0,
  normal: true,
  sentMs: 0,
  answer: null,
});

/** The primary of view `self` in a group of `n`, which has started with the log given. */
function startedPrimary(n: number, self: number, log: Prepare[] = []): Bench {
  const bench = new Bench(n, self, promise(self, 0, log), log);
  for (let from = 0; from < n; from++) if (from !== self) bench.vote(from, self, 0, log);
  bench.flush();
  return bench;
}

/** A backup has what the primary of view `view` has sent up to `op`. */
function ack(bench: Bench, from: number, view: number, op: number): void {
  const entry = bench.replica.state.log.find(({ header }) => header.op === op);
  if (entry === undefined) throw new Error(`op ${op} is not in the log`);
  const { checksum } = entry.header;
  bench.receive(from, { type: 'prepareOk', epoch: 0, view, op, checksum, commitMin: 0 });
}

describe('normal operation', () => {
  it('keeps no more than the pipeline above the commit number; the queue behind it is bounded too', () => {
    // A pipeline of 4, of which the noop takes one; a queue of 8.
    const primary = startedPrimary(3, 1);
    for (let id = 1; id <= 12; id++) primary.request(id);
    expect(primary.replica.op - primary.replica.state.commitMax).toBe(4);
    expect(primary.replica.state.queue.length).toBe(8);
    expect(primary.replies).toEqual([
      { requestId: 12, outcome: expect.objectContaining({ type: 'refused', code: 'overloaded' }) },
    ]);
    primary.flush();
    ack(primary, 0, 1, 2);
    expect(primary.replica.state.commitMax).toBe(2);
    expect(primary.replica.op).toBe(6);
    expect(primary.replica.state.queue.length).toBe(6);
  });

  it('asks for what is missing in the turn in which the gap shows', () => {
    const log = chain(0, 0, 0);
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    backup.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: log[2] as Prepare });
    expect(backup.of('getPrepare')).toEqual([{ type: 'getPrepare', first: 1, last: 2 }]);
  });

  it('sends again only to those who have not acked, and less and less often', () => {
    const primary = startedPrimary(5, 1);
    primary.flush();
    ack(primary, 0, 1, 1);
    primary.sent = [];
    const ticks: number[] = [];
    // A second without progress would make it stand back.
    for (let tick = 1; tick < 8 * retransmit; tick++) {
      primary.sent = [];
      primary.tick(1);
      const again = primary.sent.filter(({ message }) => message.type === 'prepare');
      if (again.length === 0) continue;
      ticks.push(tick);
      expect(again.map(({ to }) => to)).toEqual([2, 3, 4]);
    }
    expect(ticks).toEqual([retransmit, 3 * retransmit, 7 * retransmit]);
  });

  it('counts an ack only in the view in which it was made', () => {
    const [one] = chain(0) as [Prepare];
    const primary = startedPrimary(3, 1, [one]);
    ack(primary, 2, 0, 1);
    expect(primary.applied).toEqual([]);
    ack(primary, 2, 1, 1);
    expect(primary.applied).toEqual([one]);
  });

  it('never stamps an op before the one below it, whatever the clock says', () => {
    // The clock of the bench stands at 0; the op is of a primary whose clock was ahead.
    const one = prepare(1, 0, null, { timestamp: 5_000 });
    const primary = startedPrimary(3, 1, [one]);
    primary.request(1);
    expect(primary.replica.state.log.map(({ header }) => header.timestamp)).toEqual([5_000, 5_000, 5_000]);
  });
});

describe('suspicion', () => {
  it('does not change the view: one deaf replica cannot push the others', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    for (let i = 0; i < 100; i++) {
      backup.receive(1, startViewChange(0));
      backup.receive(0, pingOf(0));
      backup.tick(ping);
    }
    expect(backup.replica.state).toMatchObject({ view: 0, status: 'normal' });
    expect(backup.writes).toEqual([]);
  });

  it('ages out: two that do not fall into one window are no quorum', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    backup.receive(1, startViewChange(0));
    for (let tick = 0; tick <= suspectWindow; tick += ping) {
      backup.receive(0, pingOf(0));
      backup.tick(ping);
    }
    backup.tick(suspicion + suspicionJitter);
    expect(backup.of('startViewChange')).not.toEqual([]);
    expect(backup.replica.state.view).toBe(0);
    backup.receive(1, startViewChange(0));
    expect(backup.replica.state.view).toBe(1);
  });

  it('follows at once when the primary itself asks for another view, or for the log of its own', () => {
    const ways: Message[] = [
      startViewChange(0),
      { type: 'requestStartView', epoch: 0, view: 0, nonce: 7, asker: 'lagging' },
    ];
    for (const message of ways) {
      const backup = new Bench(3, 2, promise(0, 0, []), []);
      backup.receive(0, message);
      const said = backup.sent.filter(({ message: { type } }) => type === 'startViewChange');
      expect(said, message.type).toEqual([0, 1].map((to) => ({ to, message: startViewChange(0) })));
    }
  });

  it('is forgotten when the silent primary is heard again', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    backup.tick(suspicion + suspicionJitter);
    expect(backup.of('startViewChange')).not.toEqual([]);
    backup.receive(0, pingOf(0));
    backup.receive(1, startViewChange(0));
    expect(backup.replica.state.view).toBe(0);
  });

  it('speaks for a group that is wedged, though its primary is alive', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    const [one] = chain(0) as [Prepare];
    backup.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: one });
    for (let tick = 0; tick < progress; tick += ping) {
      expect(backup.of('startViewChange')).toEqual([]);
      backup.receive(0, pingOf(0));
      backup.tick(ping);
    }
    expect(backup.of('startViewChange')).not.toEqual([]);
  });
});

describe('views', () => {
  it('a higher view is asked for its log, and joined when nobody answers', () => {
    const backup = new Bench(5, 2, promise(0, 0, []), []);
    backup.receive(3, pingOf(3));
    expect(backup.sent[0]).toMatchObject({ to: 3, message: { type: 'requestStartView', view: 3 } });
    backup.tick(requestStartView - 1);
    expect(backup.replica.state.view).toBe(0);
    backup.tick(1);
    expect(backup.replica.state).toMatchObject({ view: 3, status: 'viewChange' });
  });

  it('a frame of a lower view is answered with the view that is, a vote for the own view with its log', () => {
    const primary = startedPrimary(3, 1);
    primary.sent = [];
    primary.receive(2, pingOf(0));
    expect(primary.sent).toMatchObject([
      { to: 2, message: { type: 'ping', view: 1, normal: true, sentMs: 0, answer: null } },
    ]);
    primary.sent = [];
    primary.vote(2, 1, 0, []);
    expect(primary.sent).toMatchObject([{ to: 2, message: { type: 'startView', view: 1, nonce: 0 } }]);
  });

  it('an ack is forgotten, above the commit number, by whoever asks for the log anew', () => {
    const primary = startedPrimary(5, 1);
    ack(primary, 2, 1, 1);
    primary.receive(2, { type: 'requestStartView', epoch: 0, view: 1, nonce: 9, asker: 'recovering' });
    expect(primary.of('startView').at(-1)).toMatchObject({ nonce: 9 });
    ack(primary, 3, 1, 1);
    primary.flush();
    expect(primary.replica.state.commitMax).toBe(0);
    ack(primary, 4, 1, 1);
    expect(primary.replica.state.commitMax).toBe(1);
  });

  it('a vote is the same each time it is sent, whatever was repaired, and after a restart', () => {
    const log = chain(0, 0);
    const [one, two] = log as [Prepare, Prepare];
    // It knows the header of op 2 by a StartView of view 1, whose body never came.
    const backup = new Bench(5, 3, promise(0, 0, [one]), [one]);
    backup.startView(1, 1, null, log);
    backup.flush();
    backup.receive(0, startViewChange(1));
    backup.vote(0, 2, 1, []);
    backup.flush();
    backup.repair(0, 0, [two]);
    expect(backup.replica.state.log.map(({ prepare }) => prepare)).toEqual(log);
    backup.tick(10 * retransmit);
    const votes = backup.of('doViewChange').map((vote) => encodeMessage(vote).covered);
    expect(votes.length).toBeGreaterThan(2);
    expect(backup.of('doViewChange')[0]).toMatchObject({ present: [true, false], nack: [false, true] });

    const restarted = new Bench(5, 3, backup.replica.stateRecord(), log);
    const [after] = restarted.of('doViewChange').map((vote) => encodeMessage(vote).covered);
    for (const vote of [...votes, after]) expect(vote).toEqual(votes[0]);
  });

  it('a primary that starts again goes to the next view, alone in its group too', () => {
    for (const n of [1, 3]) {
      const primary = new Bench(n, 0, promise(2 * n, 2 * n, []), []);
      expect(primary.replica.state).toMatchObject({ view: 2 * n + 1, status: 'viewChange' });
    }
  });
});

describe('repair', () => {
  it('is answered in every status, with what is held; nothing held is no nack', () => {
    const [one] = chain(0) as [Prepare];
    const standings = {
      normal: promise(0, 0, [one]),
      viewChange: promise(1, 0, [one]),
      amnesiac: { ...promise(0, 0, [one]), mark: true },
      recoveringHead: { ...promise(0, 0, [one]), verdict: 'recoveringHead' as const },
    };
    for (const [status, record] of Object.entries(standings)) {
      const replica = new Bench(3, 2, record, [one]);
      expect(replica.replica.state.status).toBe(status);
      replica.receive(0, { type: 'getPrepare', first: 1, last: 2 });
      replica.receive(0, { type: 'getPrepare', first: 2, last: 2 });
      expect(replica.of('repair'), status).toMatchObject([
        { first: 1, committed: 0, prepares: [one] },
        { first: 2, prepares: [] },
      ]);
    }
  });

  it('of what is committed is one read at a time for each peer', () => {
    const log = chain(0, 0);
    const replica = new Bench(3, 2, promise(0, 0, log), log);
    replica.receive(0, {
      type: 'commit',
      epoch: 0,
      view: 0,
      commitMax: 2,
      checksum: (log[1] as Prepare).header.checksum,
    });
    expect(replica.applied).toEqual(log);
    for (let i = 0; i < 5; i++) {
      for (const from of [0, 1]) replica.receive(from, { type: 'getPrepare', first: 1, last: 2 });
    }
    expect(replica.loads.map(({ first, last }) => [first, last])).toEqual([
      [1, 2],
      [1, 2],
    ]);
    expect(replica.loads.every(({ bytesMax }) => bytesMax === REPAIR_BYTES_MAX)).toBe(true);
    replica.step({ type: 'loaded', token: replica.loads[0]!.token, prepares: log });
    expect(replica.of('repair')).toMatchObject([{ first: 1, committed: 2, prepares: log }]);
    replica.receive(0, { type: 'getPrepare', first: 1, last: 2 });
    expect(replica.loads.length).toBe(3);
  });
});
