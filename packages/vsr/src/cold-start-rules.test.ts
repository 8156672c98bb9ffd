import type { Prepare } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { bestOf } from './cold-start.ts';
import type { LogStanding, RecoveryState } from './message.ts';
import { Bench, chain, prepare, promise } from './testing/bench.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';

const log = chain(0, 0, 1, 1);
const { anchorChecksum: zero } = promise(0, 0, []);

/** A log that is applied, and known to be committed, up to `anchor`. */
function standing(prepares: Prepare[], anchor: number, over: Partial<LogStanding> = {}): LogStanding {
  return {
    recovering: true,
    lossEpoch: 0,
    rank: prepares.at(-1)?.header.view ?? 0,
    commitMax: anchor,
    anchorOp: anchor,
    anchorChecksum: prepares[anchor - 1]?.header.checksum ?? zero,
    headers: prepares.slice(anchor).map(({ header }) => header),
    ...over,
  };
}

describe('the best of the logs that are left', () => {
  it('is of the latest view, then the longest', () => {
    const short = standing(log.slice(0, 3), 0);
    const long = standing(log, 0);
    const old = standing(chain(0, 0, 0, 0, 0), 0);
    expect(bestOf([short, old, long])).toBe(long);
    // One who knows what it acked speaks for the view whose log it holds.
    const knows = standing(log.slice(0, 2), 0, { rank: 2, recovering: false });
    expect(bestOf([long, knows])).toBe(knows);
  });

  it('contains all that any of them knows to be committed, however it ranks', () => {
    const applied = standing(log.slice(0, 2), 2);
    const other = standing([log[0]!, prepare(2, 5, log[0]!)], 1);
    expect(bestOf([other, applied])).toBe(applied);
    const both = standing(log, 1);
    expect(bestOf([other, applied, both])).toBe(both);
  });

  it('is of the highest loss epoch: what an earlier cold start has cut does not come back', () => {
    const cut = standing(log.slice(0, 1), 1, { lossEpoch: 1 });
    expect(bestOf([standing(log, 4), cut])).toBe(cut);
  });
});

/** A group of three of which 0 is amnesiac in view 1; the others in our hands. */
function stuck(coldStart: 'wait' | 'allPresent', prepares: Prepare[] = [], mark = true): Bench {
  const record = { ...promise(1, 0, prepares), mark };
  const bench = new Bench(3, 0, record, prepares, {
    coldStart,
    checkpoint: { mode: mark ? 'memory' : 'disk' },
  });
  bench.flush();
  return bench;
}

function state(
  bench: Bench,
  from: number,
  prepares: Prepare[] = [],
  over: Partial<RecoveryState> = {},
): void {
  const { nonce } = bench.replica.state;
  bench.receive(from, { type: 'recoveryState', epoch: 0, view: 1, nonce, ...standing(prepares, 0), ...over });
}

function grant(bench: Bench, from: number, prepares: Prepare[] = []): void {
  const { grant: given, coldStart } = bench.replica.state;
  const { epoch, view } = given!;
  bench.receive(from, {
    type: 'coldStartGranted',
    epoch,
    view,
    nonce: coldStart.proposal,
    ...standing(prepares, 0),
  });
}

describe('a cold start', () => {
  it('is proposed by the member with the best log, when all are there', () => {
    const bench = stuck('allPresent', chain(0));
    state(bench, 1);
    expect(bench.replica.state.grant).toBeNull();
    state(bench, 2);
    expect(bench.replica.state.grant).toEqual({ epoch: 1, view: 3, to: 0 });
    const worse = stuck('allPresent');
    state(worse, 1, chain(0));
    state(worse, 2);
    expect(worse.replica.state.grant).toBeNull();
  });

  it('is not proposed while a view-change quorum knows what it acked', () => {
    const bench = stuck('allPresent', chain(0));
    state(bench, 1, [], { recovering: false });
    state(bench, 2, [], { recovering: false });
    expect(bench.replica.state.grant).toBeNull();
  });

  it('waits for the operator, if that is the policy', () => {
    const bench = stuck('wait', chain(0));
    for (const from of [1, 2]) state(bench, from);
    expect(bench.replica.state.grant).toBeNull();
    bench.step({ type: 'coldStart', without: false });
    for (const from of [1, 2]) state(bench, from);
    expect(bench.replica.state.grant).toMatchObject({ to: 0 });
  });

  it('does without absent members only by order, and only when they had time to answer', () => {
    const bench = stuck('allPresent', chain(0));
    const round = () => {
      bench.tick(DEFAULT_TIMEOUTS.retransmitMax);
      state(bench, 1);
    };
    for (let i = 0; i < 6; i++) round();
    expect(bench.replica.state.grant).toBeNull();
    bench.step({ type: 'coldStart', without: true });
    round();
    expect(bench.replica.state.grant).toBeNull();
    round();
    expect(bench.replica.state.grant).toMatchObject({ to: 0 });
    bench.flush();
    grant(bench, 1);
    expect(bench.replica.state).toMatchObject({ epoch: 1, status: 'normal', lossEpoch: 1 });
  });

  it('by order ends the wait of a quorum for an op that no disk holds any more', () => {
    // 0 to 2 know what they acked, and can not decide: op 1 is damaged here and the others never held it.
    const bench = stuck('wait', [], false);
    bench.step({ type: 'coldStart', without: false });
    bench.tick(DEFAULT_TIMEOUTS.suspectWindow / 2);
    const both = () => [1, 2].map((from) => state(bench, from, [], { recovering: false }));
    both();
    expect(bench.replica.state.grant).toBeNull();
    bench.tick(DEFAULT_TIMEOUTS.suspectWindow);
    both();
    expect(bench.replica.state.grant).toMatchObject({ epoch: 1, to: 0 });
  });

  it('starts when all have agreed durably, with a raised loss epoch, and says so by its first op', () => {
    const bench = stuck('allPresent', chain(0));
    for (const from of [1, 2]) state(bench, from);
    // Nothing is said before it is durable here.
    expect(bench.of('coldStart')).toEqual([]);
    bench.flush();
    expect(bench.of('coldStart')).toMatchObject([
      { epoch: 1, view: 3 },
      { epoch: 1, view: 3 },
    ]);
    grant(bench, 1);
    expect(bench.replica.state.epoch).toBe(0);
    grant(bench, 2);
    expect(bench.replica.state).toMatchObject({
      epoch: 1,
      view: 3,
      logView: 3,
      lossEpoch: 1,
      verdict: 'none',
    });
    expect(bench.of('startView')).toEqual([]);
    bench.flush();
    expect(bench.of('startView')).toMatchObject([
      { epoch: 1, lossEpoch: 1 },
      { epoch: 1, lossEpoch: 1 },
    ]);
    expect(bench.of('prepare')[0]?.prepare.header).toMatchObject({ op: 2, kind: 10, epoch: 1, view: 3 });
  });

  it('does not start from a log that is not the best of those that agreed', () => {
    const bench = stuck('allPresent', chain(0));
    for (const from of [1, 2]) state(bench, from);
    bench.flush();
    grant(bench, 1);
    grant(bench, 2, chain(0, 0));
    expect(bench.replica.state).toMatchObject({ epoch: 0, status: 'amnesiac' });
  });

  it('counts no agreement to another proposal', () => {
    const bench = stuck('allPresent', chain(0));
    for (const from of [1, 2]) state(bench, from);
    bench.flush();
    const { proposal } = bench.replica.state.coldStart;
    const agreed = { type: 'coldStartGranted', epoch: 1, view: 3, ...standing([], 0) } as const;
    for (const from of [1, 2]) bench.receive(from, { ...agreed, nonce: proposal - 1 });
    expect(bench.replica.state.epoch).toBe(0);
  });
});

describe('a member that is asked to agree to a cold start', () => {
  const asked = { type: 'coldStart', epoch: 1, view: 4, nonce: 9 } as const;

  it('says so when it is durable, and takes no part in its epoch from then on', () => {
    const bench = stuck('wait');
    bench.receive(1, asked);
    expect(bench.of('coldStartGranted')).toEqual([]);
    bench.flush();
    expect(bench.of('coldStartGranted')).toMatchObject([{ epoch: 1, view: 4, nonce: 9 }]);
    const { nonce } = bench.replica.state;
    bench.receive(1, { type: 'startView', epoch: 0, view: 1, nonce: nonce - 1, ...standing([], 0) });
    expect(bench.replica.state.status).toBe('amnesiac');
  });

  it('refuses when it has a primary', () => {
    const backup = new Bench(3, 2, promise(0, 0, []), []);
    backup.receive(1, asked);
    backup.flush();
    expect(backup.replica.state.grant).toBeNull();
    expect(backup.of('coldStartGranted')).toEqual([]);
  });

  it('agrees to one only, but for a later epoch; and to none from whom that view does not belong', () => {
    const bench = stuck('wait');
    bench.receive(2, asked);
    expect(bench.replica.state.grant).toBeNull();
    bench.receive(1, asked);
    bench.receive(2, { ...asked, view: 5 });
    expect(bench.replica.state.grant).toEqual({ epoch: 1, view: 4, to: 1 });
    bench.receive(2, { ...asked, epoch: 2, view: 5 });
    expect(bench.replica.state.grant).toEqual({ epoch: 2, view: 5, to: 2 });
  });

  it('takes up the epoch from the one it agreed to, what it lacks as faulty', () => {
    const bench = stuck('wait');
    bench.receive(1, asked);
    bench.flush();
    const told = {
      type: 'startView',
      epoch: 1,
      view: 4,
      nonce: 0,
      ...standing(chain(0), 0, { lossEpoch: 1 }),
    } as const;
    bench.receive(2, { ...told, view: 5 });
    expect(bench.replica.state.epoch).toBe(0);
    bench.receive(1, told);
    expect(bench.replica.state).toMatchObject({
      epoch: 1,
      view: 4,
      status: 'normal',
      lossEpoch: 1,
      grant: null,
    });
    expect(bench.replica.state.log).toMatchObject([{ faulty: true }]);
  });
});
