import { type Prepare, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { bestOf } from './cold-start.ts';
import { DEFAULT_TIMEOUTS, type LogStanding, type Message, type StateRecord } from './index.ts';
import { Bench, chain, prepare, promise, suffix } from './testing/bench.ts';

/** The cold start of docs/protocol/restart.md, told to one replica, its messages and writes in our hands. */

const { suspectWindow, retransmitMax } = DEFAULT_TIMEOUTS;

const log = chain(0, 0);
const [one, two] = log as [Prepare, Prepare];
const amnesiac: StateRecord = { ...promise(0, 0, log), mark: true };

const lastRecord = (bench: Bench): StateRecord | undefined =>
  bench.writes.flatMap(({ write }) => (write.type === 'state' ? [write.record] : [])).at(-1);
const nonceOf = (bench: Bench) => bench.of('requestStartView').at(-1)?.nonce ?? 0;

describe('cold start', () => {
  const state = (nonce: number, held: Prepare[], changes = {}): Message => ({
    type: 'recoveryState',
    epoch: 0,
    view: 0,
    nonce,
    recovering: true,
    lossEpoch: 0,
    rank: held.at(-1)?.header.view ?? 0,
    ...suffix(null, held),
    ...changes,
  });

  it('happens only by order under the policy wait, and then with the grants of all', () => {
    const replica = new Bench(3, 2, amnesiac, log);
    replica.flush();
    const hear = () => {
      replica.tick(retransmitMax);
      for (const from of [0, 1]) replica.receive(from, state(nonceOf(replica), [one]));
      replica.flush();
    };
    hear();
    hear();
    expect(replica.of('coldStart')).toEqual([]);
    replica.replica.step({ type: 'coldStart', without: false }, replica);
    hear();
    const proposal = replica.of('coldStart').at(-1);
    expect(proposal).toMatchObject({ epoch: 1 });
    const granted = {
      ...state(proposal?.nonce ?? 0, [one]),
      type: 'coldStartGranted',
      epoch: 1,
      view: proposal?.view,
    };
    replica.receive(0, granted as Message);
    expect(replica.replica.state.epoch).toBe(0);
    replica.receive(1, granted as Message);
    expect(lastRecord(replica)).toMatchObject({ epoch: 1, lossEpoch: 1, verdict: 'none', grant: null });
    replica.flush();
    // All of the best log stays, and the first op of the new epoch says what happened.
    const { state: now } = replica.replica;
    expect(now.log.slice(0, 2).map(({ prepare: held }) => held)).toEqual(log);
    expect(now.log[2]?.header).toMatchObject({ kind: PrepareKind.coldStart, epoch: 1 });
  });

  it('is not for one who has a primary, nor while enough members know what they acked', () => {
    const healthy = new Bench(3, 2, promise(0, 0, log), log);
    healthy.receive(1, { type: 'coldStart', epoch: 1, view: 1, nonce: 5 });
    healthy.flush();
    expect(healthy.of('coldStartGranted')).toEqual([]);

    const replica = new Bench(3, 2, amnesiac, log, { coldStart: 'allPresent' });
    replica.flush();
    for (const from of [0, 1]) replica.receive(from, state(nonceOf(replica), [one], { recovering: false }));
    replica.tick(suspectWindow);
    expect(replica.of('coldStart')).toEqual([]);
    expect(replica.replica.state.grant).toBeNull();
  });

  it('is granted to one at a time, durably, and ends all part in the present epoch', () => {
    const replica = new Bench(3, 2, amnesiac, log);
    replica.flush();
    replica.receive(1, { type: 'coldStart', epoch: 1, view: 1, nonce: 5 });
    expect(replica.of('coldStartGranted')).toEqual([]);
    replica.flush();
    expect(replica.of('coldStartGranted')).toMatchObject([{ epoch: 1, view: 1, nonce: 5 }]);
    replica.receive(0, { type: 'coldStart', epoch: 1, view: 3, nonce: 6 });
    replica.flush();
    expect(replica.of('coldStartGranted').length).toBe(1);
    const answer = { type: 'startView', epoch: 0, view: 3, lossEpoch: 0, nonce: nonceOf(replica) } as const;
    replica.receive(0, { ...answer, ...suffix(null, log) });
    expect(replica.replica.state.status).toBe('amnesiac');
  });

  it('is ordered, and due, also where members wait for an op that no disk holds any more', () => {
    // A view change of three able members: each lacks a body of op 2 that it may have acked.
    const headers = [one, two];
    const stuck = new Bench(
      3,
      2,
      { ...promise(1, 0, headers), present: [true, false], faulty: [false, true] },
      [],
      {
        entries: [
          { header: one.header, prepare: one, faulty: false },
          { header: two.header, prepare: null, faulty: true },
        ],
      },
    );
    const hear = (ticks: number) => {
      for (let tick = 0; tick < ticks; tick += 20) {
        stuck.tick(20);
        for (const from of [0, 1])
          stuck.receive(from, state(nonceOf(stuck), [], { recovering: false, view: 1 }));
        stuck.flush();
      }
    };
    hear(2 * suspectWindow);
    expect(stuck.replica.state.grant).toBeNull();
    stuck.step({ type: 'coldStart', without: false });
    // The ordinary way is given its time.
    hear(suspectWindow / 2);
    expect(stuck.replica.state.grant).toBeNull();
    hear(2 * suspectWindow);
    expect(stuck.of('coldStart')).not.toEqual([]);
  });
});

describe('the best log', () => {
  const standing = (held: Prepare[], changes: Partial<LogStanding> = {}): LogStanding => ({
    recovering: true,
    lossEpoch: 0,
    rank: 0,
    ...suffix(null, held),
    ...changes,
  });
  const long = chain(0, 0, 0);

  it('is of the highest loss epoch, then of the view that speaks for it, then the longest', () => {
    const logs = [
      standing([one], { lossEpoch: 1 }),
      standing([one, two], { rank: 3 }),
      standing(long, { rank: 2 }),
      standing(long, { rank: 3 }),
    ] as const;
    expect(bestOf(logs)).toBe(logs[0]);
    expect(bestOf(logs.slice(1))).toBe(logs[3]);
    expect(bestOf(logs.slice(1, 3))).toBe(logs[1]);
  });

  it('contains all that any member knows to be committed, whatever speaks for another', () => {
    // Its owner has applied op 1 and holds nothing above: it knows op 1 to be committed.
    const applied = standing([], suffix(one, []));
    const other = prepare(1, 9, null);
    const stranger = standing([other], { rank: 9 });
    const holder = standing([one, two], { rank: 1 });
    expect(bestOf([applied, stranger, holder])).toBe(holder);
    expect(bestOf([applied, stranger])).toBe(applied);
  });
});
