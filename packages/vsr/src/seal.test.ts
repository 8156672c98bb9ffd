import { ModeFlag, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import { initialState } from './initial-state.ts';
import { type ReplayItem, replayJournal } from './replay.ts';
import { Bench, chain, prepare, promise } from './testing/bench.ts';

/** A clean shutdown in mode memory: what was acked from memory is on disk, or the mark stays. */

const memory = { mode: 'memory' } as const;

/** A backup that holds ops 1 and 2, and knows the first to be committed. */
function running(): Bench {
  const bench = new Bench(3, 1, null, [], { checkpoint: memory });
  bench.flush();
  const [one, two] = chain(0, 0);
  bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 0, prepare: one! });
  bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 1, prepare: two! });
  expect(bench.applied).toHaveLength(1);
  bench.sent = [];
  return bench;
}

function halt(bench: Bench): void {
  bench.replica.halt(bench);
}

/** What the next start makes of everything that was written, when ops up to `op` are in the checkpoint. */
function nextStart(bench: Bench, items: ReplayItem[]) {
  const recovery = replayJournal(items, bench.replica.checkpoint())!;
  const random = { u32: () => 0, below: () => 0, fork: () => random };
  return initialState(bench.replica.config, recovery, random);
}

function itemsOf(bench: Bench): ReplayItem[] {
  return bench.writes.flatMap(({ write }): ReplayItem[] => [
    ...write.prepares.map((prepare): ReplayItem => ({ type: 'prepare', prepare })),
    ...(write.type === 'state' ? [{ type: 'state' as const, record: write.record }] : []),
  ]);
}

describe('a clean shutdown', () => {
  it('acks, votes and admits nothing once it is halted', () => {
    const bench = running();
    halt(bench);
    bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 1, prepare: chain(0, 0, 0)[2]! });
    bench.receive(0, { type: 'startViewChange', epoch: 0, view: 1 });
    bench.receive(2, { type: 'requestStartView', epoch: 0, view: 2, nonce: 1, asker: 'recovering' });
    bench.step({ type: 'peerLost', node: 0 });
    bench.tick(500);
    bench.request(7);
    bench.step({ type: 'checkpointed', op: 1 });
    bench.flush();
    expect(bench.sent).toEqual([]);
    expect(bench.replies).toMatchObject([{ outcome: { type: 'refused' } }]);
  });

  it('makes the uncommitted tail durable with a record without the mark, and starts as if nothing had been', () => {
    const bench = running();
    halt(bench);
    bench.step({ type: 'checkpointed', op: 1 });
    bench.replica.seal(bench);
    expect(bench.replica.sealed).toBe(false);
    const state = nextStart(bench, itemsOf(bench));
    expect(state).toMatchObject({ status: 'normal', verdict: 'none', mark: false, commitMin: 1 });
    expect(state.log).toMatchObject([{ header: { op: 2 }, durable: true, faulty: false }]);
    bench.flush();
    expect(bench.replica.sealed).toBe(true);
  });

  it('keeps the mark when what was applied is in no checkpoint', () => {
    const bench = running();
    halt(bench);
    bench.replica.seal(bench);
    expect(bench.replica.sealed).toBe(true);
    expect(bench.writes).toEqual([]);
  });

  it('keeps the mark while an acked body is lost here', () => {
    const bench = new Bench(3, 2, { ...promise(3, 3, []), mark: true }, [], { checkpoint: memory });
    bench.receive(0, {
      type: 'startView',
      epoch: 0,
      view: 3,
      lossEpoch: 0,
      nonce: bench.replica.state.nonce,
      commitMax: 0,
      anchorOp: 0,
      anchorChecksum: promise(0, 0, []).anchorChecksum,
      headers: chain(0).map(({ header }) => header),
    });
    bench.flush();
    halt(bench);
    bench.replica.seal(bench);
    expect(bench.replica.sealed).toBe(true);
    expect(bench.writes).toEqual([]);
  });

  it('clears no verdict', () => {
    const bench = new Bench(3, 2, { ...promise(3, 3, []), mark: true }, [], { checkpoint: memory });
    bench.flush();
    halt(bench);
    bench.replica.seal(bench);
    expect(bench.replica.sealed).toBe(true);
    expect(bench.writes).toEqual([]);
  });

  it('is not over with a record that was under way before it', () => {
    // A switch to disk has cleared the mark, one to memory sets it again: both records are on their way.
    const bench = running();
    bench.step({ type: 'checkpointed', op: 1 });
    const log = chain(0, 0);
    for (const flags of [ModeFlag.disk, ModeFlag.memory]) {
      log.push(prepare(log.length + 1, 0, log.at(-1)!, { kind: PrepareKind.mode, flags }));
      bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax: 1, prepare: log.at(-1)! });
      if (flags === ModeFlag.disk) bench.flush(1);
    }
    halt(bench);
    bench.replica.seal(bench);
    const marks = bench.writes.flatMap(({ write }) => (write.type === 'state' ? [write.record.mark] : []));
    expect(marks).toEqual([false, true, false]);
    bench.flush(1);
    expect(bench.replica.sealed).toBe(false);
    bench.flush();
    expect(bench.replica.sealed).toBe(true);
  });

  it('is over, and not clean, when the disk fails', () => {
    const bench = running();
    halt(bench);
    bench.step({ type: 'checkpointed', op: 1 });
    bench.replica.seal(bench);
    bench.step({ type: 'persisted', token: bench.writes[0]!.token, ok: false });
    expect(bench.replica.sealed).toBe(true);
  });

  it('has nothing to do in mode disk', () => {
    const bench = new Bench(3, 1, promise(0, 0, []), []);
    halt(bench);
    bench.replica.seal(bench);
    expect(bench.replica.sealed).toBe(true);
    expect(bench.writes).toEqual([]);
  });
});
