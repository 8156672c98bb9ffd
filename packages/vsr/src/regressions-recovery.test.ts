import { PREPARE_HEADER_SIZE, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { coldStartBytes, coldStartFields } from './cold-start-op.ts';
import { Bench, chain, prepare, promise } from './testing/bench.ts';
import { DEFAULT_TIMEOUTS } from './timeouts.ts';

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
    back.ping(0, { epoch: 1, view: 3, op: 0, commitMax: 0 });
    const { nonce } = back.of('requestStartView').at(-1)!;
    back.sent = [];
    back.receive(0, { ...startView, epoch: 1, view: 3, nonce });
    expect(back.replica.state).toMatchObject({ epoch: 1, view: 3, status: 'normal' });
    expect(back.of('prepareOk')).toEqual([]);
    back.flush();
    expect(back.of('prepareOk')).toMatchObject([{ epoch: 1, view: 3 }]);
  });

  it('who has agreed to a cold start sends no vote of the epoch that it gave up, after a restart either', () => {
    const grant = { epoch: 1, view: 7, to: 1 };
    const granted = new Bench(3, 2, { ...promise(4, 0, []), grant }, []);
    granted.tick(300);
    // It agrees to a later proposal: a record is written, and nothing but the grant follows from it.
    granted.receive(1, { type: 'coldStart', epoch: 2, view: 10, nonce: 9 });
    granted.flush();
    expect(granted.of('doViewChange')).toEqual([]);
    expect(granted.of('coldStartGranted')).toMatchObject([{ epoch: 2, view: 10, nonce: 9 }]);
  });

  it('one of an earlier epoch tells what it has, when nobody can lead the later one', () => {
    const log = chain(0);
    const behind = new Bench(3, 2, promise(0, 0, log), log);
    const question = { type: 'requestStartView', epoch: 1, view: 4, nonce: 5, asker: 'recovering' } as const;
    behind.receive(0, question);
    expect(behind.of('recoveryState')).toMatchObject([{ nonce: 5, epoch: 0, lossEpoch: 0, rank: 0 }]);
  });

  it('an agreement to a cold start ends when its proposer takes part in the present epoch again', () => {
    // 1 proposed, 2 agreed; then view 3 started after all, by votes that were under way, and 1 found its primary.
    const log = chain(0);
    const backup = new Bench(3, 2, promise(3, 0, log), log);
    backup.receive(1, { type: 'coldStart', epoch: 1, view: 4, nonce: 9 });
    backup.flush();
    expect(backup.of('coldStartGranted')).toHaveLength(1);
    const standing = { recovering: false, lossEpoch: 0, rank: 3, commitMax: 0, anchorOp: 0 };
    const answer = { type: 'recoveryState', epoch: 0, view: 3, ...standing } as const;
    const { anchorChecksum } = promise(0, 0, []);
    // An answer to a question from before: what it says was true then.
    backup.receive(1, { ...answer, nonce: backup.replica.state.nonce, anchorChecksum, headers: [] });
    expect(backup.replica.state.grant).not.toBeNull();
    backup.tick(20);
    backup.receive(1, { ...answer, nonce: backup.replica.state.nonce, anchorChecksum, headers: [] });
    expect(backup.replica.state.grant).toBeNull();
    backup.sent = [];
    backup.flush();
    expect(backup.of('doViewChange')).toMatchObject([{ view: 3, logView: 0, present: [true] }]);
  });

  it('a cold start is proposed by answers to one question, not by what was so at one time or another', () => {
    const lost = new Bench(3, 0, { ...promise(1, 0, []), mark: true }, [], { coldStart: 'allPresent' });
    lost.flush();
    const answerOf = (from: number) => {
      const standing = { recovering: true, lossEpoch: 0, rank: 0, commitMax: 0, anchorOp: 0, headers: [] };
      const { anchorChecksum } = promise(0, 0, []);
      const viewed = { epoch: 0, view: 1, nonce: lost.replica.state.nonce };
      lost.receive(from, { type: 'recoveryState', ...viewed, ...standing, anchorChecksum });
    };
    answerOf(1);
    lost.tick(20);
    answerOf(2);
    expect(lost.replica.state.grant).toBeNull();
    answerOf(1);
    expect(lost.replica.state.grant).toMatchObject({ epoch: 1, to: 0 });
  });

  it('a body damaged far below the head keeps the journal that names it, until it is repaired', () => {
    // The record of a checkpoint names the last 32 headers: a start from it alone would find a gap below them.
    const log = chain(...new Array<number>(40).fill(0));
    const entriesOf = (lost: number) =>
      log.map((each, i) => ({ header: each.header, prepare: i === lost ? null : each, faulty: i === lost }));
    const far = new Bench(3, 1, promise(0, 0, []), [], { entries: entriesOf(3) });
    expect(far.replica.needsJournal).toBe(true);
    far.repair(0, 40, [log[3]!]);
    expect(far.replica.needsJournal).toBe(false);
    const near = new Bench(3, 1, promise(0, 0, []), [], { entries: entriesOf(8) });
    expect(near.replica.needsJournal).toBe(false);
    expect(near.replica.stateRecord().headers[0]?.op).toBe(9);
  });

  it('a log that a cold start has cut knows nothing to be committed beyond its end', () => {
    // 40 ops: the first eight are known to be committed, and the third is lost for good.
    const log = chain(...new Array<number>(40).fill(0));
    const entries = log.map((each, i) => ({
      header: each.header,
      prepare: i === 2 ? null : each,
      faulty: i === 2,
    }));
    const alone = new Bench(1, 0, promise(1, 0, []), [], { entries, coldStart: 'wait' });
    expect(alone.replica.state.commitMax).toBe(8);
    alone.step({ type: 'coldStart', without: false });
    alone.tick(DEFAULT_TIMEOUTS.suspectWindow + DEFAULT_TIMEOUTS.retransmitMax);
    alone.flush(3);
    expect(alone.replica.state).toMatchObject({ epoch: 1, commitMin: 2 });
    // Its first op stands where op 3 stood, and is committed when it is durable, not before.
    expect(alone.replica.op).toBe(3);
    expect(alone.applied).toHaveLength(2);
    alone.flush();
    expect(alone.applied).toHaveLength(3);
  });

  it('an order of the operator is for now: it is not carried out at a later view change', () => {
    const backup = new Bench(3, 1, promise(0, 0, []), []);
    const ping = {
      type: 'ping',
      epoch: 0,
      view: 0,
      op: 0,
      commitMax: 0,
      normal: true,
      sentMs: 0,
      answer: null,
    } as const;
    backup.step({ type: 'coldStart', without: true });
    for (let i = 0; i < 60; i++) {
      backup.receive(0, ping);
      backup.tick(5);
    }
    expect(backup.replica.state.coldStart.ordered).toBe('no');
  });

  it('a second cold start says so with an op of its own, though that of the first is not committed yet', () => {
    // Alone in its group, mode memory: its log ends with the op of the first cold start when it is lost again.
    const first = prepare(1, 1, null, {
      kind: PrepareKind.coldStart,
      body: coldStartBytes(1, 0).subarray(PREPARE_HEADER_SIZE),
    });
    const record = { ...promise(1, 1, []), epoch: 1, lossEpoch: 1, mark: true };
    const alone = new Bench(1, 0, record, [first], {
      checkpoint: { mode: 'memory' },
      coldStart: 'allPresent',
    });
    alone.tick(20);
    alone.flush();
    alone.flush();
    const kinds = alone.applied.map(({ header }) => header.kind);
    expect(alone.replica.state.lossEpoch).toBe(2);
    expect(kinds).toEqual([PrepareKind.coldStart, PrepareKind.coldStart]);
    expect(coldStartFields(alone.applied[1]!)).toEqual({ lossEpoch: 2, forkOp: 1 });
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
