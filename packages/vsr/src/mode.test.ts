import { ModeFlag, type Prepare, PrepareKind } from '@vireo/protocol';
import { describe, expect, it } from 'vitest';
import type { Mode } from './mode.ts';
import { Bench, prepare, promise } from './testing/bench.ts';

/** What an ack claims in each mode, and across a switch. A backup of view 0; its primary is 0. */

/** A new member of a group that was born in `mode`; its first record is durable. */
function born(mode: Mode): Bench {
  const bench = new Bench(3, 1, null, [], { checkpoint: { mode } });
  bench.flush();
  bench.sent = [];
  return bench;
}

/** Ops from 1 on; D and M are switches. */
function log(kinds: string): Prepare[] {
  const prepares: Prepare[] = [];
  for (const letter of kinds) {
    const isSwitch = letter === 'D' || letter === 'M';
    const kind = isSwitch ? PrepareKind.mode : PrepareKind.metadata;
    const flags = letter === 'M' ? ModeFlag.memory : ModeFlag.disk;
    prepares.push(prepare(prepares.length + 1, 0, prepares.at(-1) ?? null, { kind, flags }));
  }
  return prepares;
}

function receive(bench: Bench, prepares: Prepare[], commitMax = 0): void {
  for (const each of prepares)
    bench.receive(0, { type: 'prepare', epoch: 0, view: 0, commitMax, prepare: each });
}

function ackedTo(bench: Bench): number {
  return bench.of('prepareOk').at(-1)?.op ?? 0;
}

/** Bodies and records that were handed to the journal. */
function journaled(bench: Bench): number[] {
  return bench.writes.flatMap(({ write }) => write.prepares.map(({ header }) => header.op));
}

describe('mode disk', () => {
  it('acks what is durable, not before, and sets no mark', () => {
    const bench = born('disk');
    receive(bench, log('..'));
    expect(ackedTo(bench)).toBe(0);
    expect(journaled(bench)).toEqual([1, 2]);
    bench.flush();
    expect(ackedTo(bench)).toBe(2);
    expect(bench.replica.state.mark).toBe(false);
  });
});

describe('mode memory', () => {
  it('acks what it holds, and journals no body', () => {
    const bench = born('memory');
    receive(bench, log('..'));
    expect(ackedTo(bench)).toBe(2);
    expect(bench.writes).toEqual([]);
  });

  it('a group is born with its mark, and says nothing before that is durable', () => {
    const bench = new Bench(3, 1, null, [], { checkpoint: { mode: 'memory' } });
    expect(bench.writes).toMatchObject([{ write: { record: { mark: true } } }]);
    receive(bench, log('.'));
    expect(bench.of('prepareOk')).toEqual([]);
    bench.flush();
    expect(ackedTo(bench)).toBe(1);
  });

  it('after a clean start the mark is durable again before anything is said', () => {
    const bench = new Bench(3, 1, promise(0, 0, []), [], { checkpoint: { mode: 'memory' } });
    expect(bench.replica.state.status).toBe('normal');
    receive(bench, log('.'));
    bench.step({ type: 'peerLost', node: 0 });
    expect(bench.sent).toEqual([]);
    expect(bench.writes[0]?.write).toMatchObject({ record: { mark: true } });
    bench.flush(1);
    expect(ackedTo(bench)).toBe(1);
  });

  it('a primary that died before the mark was durable is suspected as soon as it is', () => {
    const bench = new Bench(3, 1, promise(0, 0, []), [], { checkpoint: { mode: 'memory' } });
    bench.step({ type: 'peerLost', node: 0 });
    bench.tick(1);
    expect(bench.sent).toEqual([]);
    bench.flush();
    bench.tick(1);
    expect(bench.of('startViewChange')).toMatchObject([{ view: 0 }, { view: 0 }]);
  });

  it('the vote of a clean start waits for the mark too', () => {
    const open = new Bench(3, 2, promise(1, 0, log('.')), log('.'), { checkpoint: { mode: 'memory' } });
    expect(open.of('doViewChange')).toEqual([]);
    open.flush();
    expect(open.of('doViewChange')).toMatchObject([{ view: 1, logView: 0, present: [true] }]);
  });
});

describe('a switch to memory', () => {
  it('is acked when the mark is durable; what is below it when it is on disk', () => {
    const bench = born('disk');
    receive(bench, log('.M.'));
    // Op 1 still was promised to the disk.
    expect(journaled(bench)).toEqual([1]);
    expect(bench.writes.some(({ write }) => write.type === 'state' && write.record.mark)).toBe(true);
    expect(ackedTo(bench)).toBe(0);
    bench.flush();
    expect(ackedTo(bench)).toBe(3);
  });

  it('is not acked before the mark either when it comes in one turn with the news that it is committed', () => {
    const bench = born('disk');
    receive(bench, log('.'));
    bench.flush();
    receive(bench, log('.M').slice(1), 2);
    expect(bench.replica.state.commitMin).toBe(2);
    expect(ackedTo(bench)).toBe(1);
    bench.flush();
    expect(ackedTo(bench)).toBe(2);
  });

  it('is not acked by a mark that is under way', () => {
    const bench = born('disk');
    receive(bench, log('.'));
    bench.flush();
    receive(bench, log('.M').slice(1));
    expect(ackedTo(bench)).toBe(1);
    bench.flush();
    expect(ackedTo(bench)).toBe(2);
  });

  it('that a view change drops leaves no mark behind', () => {
    const bench = born('disk');
    receive(bench, log('.M'));
    bench.flush();
    expect(bench.replica.state.durableMark).toBe(true);
    bench.startView(2, 2, null, log('.'));
    bench.flush();
    expect(bench.replica.state).toMatchObject({ modeOps: 0, mark: false, durableMark: false });
  });
});

describe('a switch to disk', () => {
  it('writes what is below it, and is acked when that is durable and the mark gone', () => {
    const bench = born('memory');
    receive(bench, log('..D.'));
    expect(journaled(bench)).toEqual([1, 2, 3, 4]);
    // In `memory` they were acked as they are; the switch is not.
    expect(ackedTo(bench)).toBe(2);
    bench.flush(1);
    expect(ackedTo(bench)).toBe(2);
    expect(bench.writes.at(-1)?.write).toMatchObject({ type: 'state', record: { mark: false } });
    bench.flush();
    expect(ackedTo(bench)).toBe(4);
  });

  it('waits for a checkpoint of what was applied before it', () => {
    const bench = born('memory');
    receive(bench, log('..'));
    bench.ping(0, { epoch: 0, view: 0, op: 2, commitMax: 2 });
    expect(bench.applied).toHaveLength(2);
    receive(bench, log('..D').slice(2), 2);
    bench.flush();
    expect(ackedTo(bench)).toBe(2);
    expect(bench.replica.wantsCheckpoint).toBe(true);
    bench.step({ type: 'checkpointed', op: 1 });
    bench.flush();
    expect(ackedTo(bench)).toBe(2);
    bench.step({ type: 'checkpointed', op: 2 });
    bench.flush();
    expect(ackedTo(bench)).toBe(3);
    expect(bench.replica).toMatchObject({ wantsCheckpoint: false, state: { durableMark: false } });
  });

  it('waits for it, and asks for it, also when a switch back follows in the log', () => {
    const bench = born('memory');
    receive(bench, log('..'));
    receive(bench, log('..DM').slice(2), 2);
    bench.flush();
    expect(bench.applied).toHaveLength(2);
    expect(ackedTo(bench)).toBe(2);
    expect(bench.replica.wantsCheckpoint).toBe(true);
    bench.step({ type: 'checkpointed', op: 2 });
    bench.flush();
    expect(ackedTo(bench)).toBe(4);
    expect(bench.replica.wantsCheckpoint).toBe(false);
  });

  it('that the others commit first still holds back every ack until this replica is on disk too', () => {
    const bench = born('memory');
    receive(bench, log('..'));
    receive(bench, log('..D').slice(2), 3);
    expect(bench.applied).toHaveLength(3);
    expect(bench.replica.state.mode).toBe('disk');
    receive(bench, log('..D..').slice(3), 3);
    bench.flush();
    expect(ackedTo(bench)).toBeLessThan(4);
    // What was acked from memory is in no journal: a start from here would have to know that.
    expect(bench.replica.state.durableMark).toBe(true);
    bench.step({ type: 'checkpointed', op: 3 });
    bench.flush();
    expect(ackedTo(bench)).toBe(5);
    expect(bench.replica.state.durableMark).toBe(false);
  });

  it('is not acked by way of the switch back that follows it: that keeps the mark, and claims the disk below', () => {
    for (const commitMax of [2, 3]) {
      const bench = born('memory');
      receive(bench, log('..'));
      // This replica lags: the others have committed the first switch already.
      receive(bench, log('..DM').slice(2), commitMax);
      bench.flush();
      expect(ackedTo(bench), `committed to ${commitMax}`).toBeLessThanOrEqual(commitMax);
      bench.step({ type: 'checkpointed', op: 3 });
      bench.flush();
      expect(ackedTo(bench)).toBe(4);
    }
  });

  it('keeps the mark while a body is only held', () => {
    const bench = born('memory');
    receive(bench, log('.D'));
    expect(bench.replica.state.mark).toBe(true);
    bench.flush(1);
    expect(bench.replica.state.mark).toBe(false);
  });
});

describe('a copy of the promise', () => {
  it('keeps the mark that stands: a view change clears none, and what comes after it is acked by that mark', () => {
    const bench = born('memory');
    receive(bench, log('..D'));
    bench.receive(0, { type: 'startViewChange', epoch: 0, view: 1 });
    bench.flush();
    expect(bench.replica.state).toMatchObject({ status: 'viewChange', durableMark: true });
    // The disk holds all of it by now, so only this record could say so.
    expect(bench.replica.state.log.every(({ durable }) => durable)).toBe(true);
    expect(bench.replica.stateRecord()).toMatchObject({ mark: true, copied: true });
  });
});

describe('a primary', () => {
  it('counts itself in memory by what it holds, on disk by what is durable', () => {
    for (const mode of ['memory', 'disk'] as const) {
      const primary = new Bench(3, 0, null, [], { checkpoint: { mode } });
      primary.flush(1);
      const { checksum } = primary.replica.state.log.at(-1)!.header;
      primary.receive(1, { type: 'prepareOk', epoch: 0, view: 0, op: 1, checksum, commitMin: 0 });
      expect(primary.applied, mode).toHaveLength(mode === 'memory' ? 1 : 0);
      primary.flush();
      expect(primary.applied, mode).toHaveLength(1);
    }
  });
});
