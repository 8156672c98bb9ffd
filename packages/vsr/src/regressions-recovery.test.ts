import { describe, expect, it } from 'vitest';
import { Bench, chain, promise } from './testing/bench.ts';

/** What broke once in recovery, modes and cold start, told to one replica. */

describe('recovery: what broke once', () => {
  it('one who recovers does not lead the view of its old record when its verdict is durable', () => {
    const record = { ...promise(0, 0, []), mark: true };
    const first = new Bench(3, 0, record, [], { checkpoint: { mode: 'memory' } });
    expect(first.replica.state.status).toBe('amnesiac');
    first.flush();
    expect(first.of('startView')).toEqual([]);
    expect(first.replica.state.started).toBe(false);
  });

  it('a group that is being created here answers nobody before its first record is durable', () => {
    const fresh = new Bench(3, 1, null, []);
    const question = { type: 'requestStartView', epoch: 0, view: 0, nonce: 5 } as const;
    for (const asker of ['recovering', 'stuck', 'lagging'] as const) fresh.receive(2, { ...question, asker });
    expect(fresh.sent).toEqual([]);
    fresh.flush();
    fresh.receive(2, { ...question, asker: 'recovering' });
    expect(fresh.of('recoveryState')).toMatchObject([{ nonce: 5, view: 0 }]);
  });

  it('the same view of another epoch is not taken for the durable one', () => {
    // It was away with view 3 durable while the others started epoch 1, in a view 3 too.
    const log = chain(0);
    const back = new Bench(3, 1, promise(3, 3, log), log);
    back.receive(0, { type: 'ping', epoch: 1, view: 3, op: 0, commitMax: 0, normal: true });
    const { nonce } = back.of('requestStartView').at(-1)!;
    back.sent = [];
    back.receive(0, { ...startView, epoch: 1, view: 3, nonce });
    expect(back.replica.state).toMatchObject({ epoch: 1, view: 3, status: 'normal' });
    expect(back.of('prepareOk')).toEqual([]);
    back.flush();
    expect(back.of('prepareOk')).toMatchObject([{ epoch: 1, view: 3 }]);
  });
});

const startView = {
  type: 'startView',
  lossEpoch: 1,
  commitMax: 0,
  anchorOp: 0,
  anchorChecksum: '0'.repeat(32),
  headers: [],
} as const;
